#include "viewer/model/head_result.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/backends.hpp"
#include "reference/attend.hpp"
#include "reference/select.hpp"
#include "reference/transpose.hpp"

namespace llsa::viewer {
namespace {

std::vector<float> scores_of(const HeadSelection& head, int level, ThreadPool& threads) {
  const LevelSelection& lists = head.selection.level(level);
  const auto q = head.query.level(level).head(0), k = head.key.level(level).head(0);
  std::vector<float> scores(lists.indices.size(), std::numeric_limits<float>::quiet_NaN());
  constexpr std::int64_t chunk = 256;
  threads.parallel_for((lists.queries + chunk - 1) / chunk, [&](std::int64_t item, int) {
    for (std::int64_t t = item * chunk; t < std::min(lists.queries, (item + 1) * chunk); ++t) {
      float* out = scores.data() + t * lists.width;
      for (const std::int32_t c : lists.list(0, t)) {
        float sum = 0;
        for (std::int64_t d = 0; d < q.dim; ++d) sum += q(t, d) * k(c, d);
        *out++ = sum;
      }
    }
  });
  return scores;
}

std::vector<float> popularity_of(const HeadSelection& head, int level) {
  const std::int64_t keys = head.options.key.length(level);
  const TransposedList by_key = reference::transpose(head.selection.level(level), 0, keys);
  std::vector<float> counts(static_cast<std::size_t>(keys));
  for (std::size_t c = 0; c < counts.size(); ++c)
    counts[c] = static_cast<float>(by_key.offsets[c + 1] - by_key.offsets[c]);
  return counts;
}

AttentionInputs<float> inputs_of(const Head& head) { return {head.query.view(), head.key.view(), head.value.view()}; }

HeadOutputs room_for(const Head& head) {
  const std::int64_t tokens = head.query.shape().tokens;
  return {Tensor<float>(Shape{1, 1, tokens, head.value.shape().dim}), Tensor<float>(Shape{1, 1, tokens, 1})};
}

}  // namespace

HeadSelection select_head(std::shared_ptr<const Head> head, const Settings& settings, ThreadPool& threads,
                          const Selection* given) {
  HeadSelection result;
  result.settings = settings;
  result.options = resolve(method_options(settings.how.method, settings.how.options), head->query.shape(),
                           head->key.shape(), head->value.shape());
  const ResolvedOptions& o = result.options;
  result.query = reference::pool<float>(head->query.view(), o.query, threads);
  result.key = reference::pool<float>(head->key.view(), o.key, threads);
  result.value = reference::pool<float>(head->value.view(), o.key, threads);
  result.selection = given ? *given : reference::select(result.query, result.key, o, threads);
  for (int level = 1; level <= o.levels; ++level) {
    result.scores.push_back(scores_of(result, level, threads));
    result.popularity.push_back(popularity_of(result, level));
  }
  result.head = std::move(head);
  return result;
}

HeadOutputs attend_head(const HeadSelection& selection, ThreadPool& threads) {
  HeadOutputs outputs = room_for(*selection.head);
  if (!panels_note(selection.settings.how.method).empty()) {  // a further branch
    make_attention<float>(selection.settings.how.method, "reference", threads)
        ->forward(inputs_of(*selection.head), selection.settings.how.options,
                  {outputs.output.view(), outputs.lse.view()}, &selection.selection);
    return outputs;
  }
  const Head& head = *selection.head;
  reference::attend<float>({{head.query.view(), head.key.view(), head.value.view(), selection.key, selection.value,
                             selection.selection, selection.options},
                            outputs.output.view(),
                            outputs.lse.view()},
                           threads);
  return outputs;
}

namespace {

/// Of the queries whose output or LSE is not a finite number, the first.
std::optional<std::int64_t> first_not_finite(const HeadOutputs& outputs) {
  const std::int64_t tokens = outputs.lse.shape().tokens, dim = outputs.output.shape().dim;
  const auto finite = [](float x) { return std::isfinite(x); };
  for (std::int64_t i = 0; i < tokens; ++i)
    if (!finite(outputs.lse.data()[i]) ||
        !std::all_of(outputs.output.data() + i * dim, outputs.output.data() + (i + 1) * dim, finite))
      return i;
  return std::nullopt;
}

HeadError measure(const Background::Job& job, const HeadSelection& selection, const HeadOutputs& outputs,
                  std::int64_t queries, const std::string& stage) {
  job.progress(stage);
  return measure_error(selection, outputs, queries, job.threads(), [&](double fraction) {
    job.check();
    job.progress(stage, fraction);
  });
}

}  // namespace

HeadError measure_every_query(const Background::Job& job, const HeadSelection& selection, const HeadOutputs& outputs) {
  return measure(job, selection, outputs, selection.head->query.shape().tokens, "exact error");
}

void analyse(const Background::Job& job, std::shared_ptr<const Document> document, const Settings& settings,
             const std::function<void(HeadResult)>& publish) {
  job.progress("reading the head");
  auto head = std::make_shared<const Head>(
      take_head(*document, settings.set, settings.batch, settings.head, settings.how.order));
  job.check();
  HeadResult result;
  if (settings.backend == "reference") {
    job.progress("selecting");
    result.selection = std::make_shared<const HeadSelection>(select_head(head, settings, job.threads()));
    publish(result);
    job.progress(result.selection->levels() == 0 ? "dense attention" : "attending");
    HeadOutputs outputs = attend_head(*result.selection, job.threads());
    outputs.first_not_finite = first_not_finite(outputs);
    result.outputs = std::make_shared<const HeadOutputs>(std::move(outputs));
  } else {
    job.progress("attending with " + settings.backend);
    const auto attention = make_attention<float>(settings.how.method, settings.backend, job.threads());
    HeadOutputs outputs = room_for(*head);
    const auto state =
        attention->forward(inputs_of(*head), settings.how.options, {outputs.output.view(), outputs.lse.view()});
    result.selection =
        std::make_shared<const HeadSelection>(select_head(head, settings, job.threads(), &state->selection()));
    outputs.first_not_finite = first_not_finite(outputs);
    result.outputs = std::make_shared<const HeadOutputs>(std::move(outputs));
  }
  publish(result);
  const std::int64_t queries = head->query.shape().tokens;
  const bool all = queries <= exact_error_limit;
  result.error = std::make_shared<const HeadError>(measure(job, *result.selection, *result.outputs,
                                                           all ? queries : sampled_queries,
                                                           all ? "exact error" : "error of sampled queries"));
  publish(result);
}

}  // namespace llsa::viewer
