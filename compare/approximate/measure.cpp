#include "compare/approximate/measure.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compare/comparator.hpp"
#include "compare/keys_per_query.hpp"
#include "compare/seconds_of.hpp"
#include "reference/dense.hpp"

namespace llsa::compare::approximate {
namespace {

/// The rows of `tokens` in every batch entry and head.
Tensor<float> rows_of(const Tensor<float>& tensor, const std::vector<std::int64_t>& tokens) {
  const Shape& s = tensor.shape();
  Tensor<float> result({s.batch, s.heads, static_cast<std::int64_t>(tokens.size()), s.dim});
  for (std::int64_t head = 0; head < s.batch * s.heads; ++head)
    for (std::size_t i = 0; i < tokens.size(); ++i)
      std::copy_n(tensor.view().head(head).row(tokens[i]), s.dim,
                  result.view().head(head).row(static_cast<std::int64_t>(i)));
  return result;
}

/// Room for the outputs of `input`, unwritten elements not a number.
struct Room {
  Tensor<float> output, lse;
  explicit Room(const Shape& query, const Shape& value)
      : output({query.batch, query.heads, query.tokens, value.dim}, std::numeric_limits<float>::quiet_NaN()),
        lse({query.batch, query.heads, query.tokens, 1}, std::numeric_limits<float>::quiet_NaN()) {}
  AttentionOutputs<float> outputs() { return {output.view(), lse.view()}; }
};

double mean_probability(const Tensor<float>& lse, const Tensor<float>& dense_lse) {
  double sum = 0;
  for (std::size_t i = 0; i < lse.flat().size(); ++i)
    sum += std::exp(static_cast<double>(lse.flat()[i]) - static_cast<double>(dense_lse.flat()[i]));
  return sum / static_cast<double>(lse.flat().size());
}

}  // namespace

std::vector<std::int64_t> spread_positions(std::int64_t total, std::int64_t count) {
  if (count <= 0 || count >= total) count = total;
  std::vector<std::int64_t> positions;
  positions.reserve(static_cast<std::size_t>(count));
  constexpr double golden = 0.6180339887498949;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t first = i * total / count, end = (i + 1) * total / count;
    const double place = std::fmod(static_cast<double>(i) * golden, 1.0);
    positions.push_back(first + static_cast<std::int64_t>(place * static_cast<double>(end - first)));
  }
  return positions;
}

Judge::Judge(Input input, std::int64_t queries, const std::string& backend, ThreadPool& threads)
    : input_(std::move(input)),
      backend_(backend),
      threads_(&threads),
      sample_(spread_positions(input_.query.shape().tokens, queries)) {
  make_attention<float>("llsa", backend_, *threads_);  // refuses an unknown backend before the work
  const Tensor<float> query = rows_of(input_.query, sample_);
  Room room(query.shape(), input_.value.shape());
  const AttentionInputs<float> inputs{query.view(), input_.key.view(), input_.value.view()};
  dense_seconds_ =
      compare::seconds_of([&] { reference::dense_tiled<float>(inputs, input_.scale, room.outputs(), *threads_); });
  dense_output_ = std::move(room.output);
  dense_lse_ = std::move(room.lse);
}

const Input& Judge::in_order(const std::string& order) {
  if (order.empty() || order == input_.order) return input_;
  const auto known = std::ranges::find(reordered_, order, &Input::order);
  return known != reordered_.end() ? *known : reordered_.emplace_back(reordered(input_, order));
}

Measurement Judge::measure(const Configuration& configuration) {
  const Input& input = in_order(configuration.how.order);
  std::vector<std::int64_t> sample = sample_;
  const std::vector<std::int64_t> position = position_map(input_, input.order);
  for (std::int64_t& token : sample) token = position[static_cast<std::size_t>(token)];

  Options options = configuration.how.options;
  options.scale = input.scale;
  Measurement result{.configuration = configuration, .order = input.order};
  const Shape query = input.query.shape(), key = input.key.shape(), value = input.value.shape();
  const auto attention = make_attention<float>(configuration.how.method, backend_, *threads_);
  AttentionInputs<float> inputs = input.inputs();
  const Tensor<float> gate({query.batch, query.heads, query.tokens, 1}, static_cast<float>(configuration.gate));
  if (configuration.how.method == "vsa" && configuration.gate != 1)
    inputs.extras = {{"gate_sparse", gate.view()}, {"gate_coarse", gate.view()}};
  Room room(query, value);
  std::unique_ptr<AttentionState> state;
  result.seconds = compare::seconds_of([&] { state = attention->forward(inputs, options, room.outputs()); });
  result.options = state->options();
  result.keys_per_query = compare::keys_per_query(state->selection(), result.options, query.batch * query.heads);
  if (configuration.how.method == "vsa") result.other_keys = static_cast<double>(result.options.key.length(1));
  if (configuration.how.method == "sla") result.other_keys = static_cast<double>(key.tokens);

  const compare::Comparison comparison =
      compare::compare(compare::in_double(rows_of(room.output, sample).cview()).view(),
                       compare::in_double(dense_output_.cview()).view());
  result.relative_l2 = comparison.relative_l2;
  result.cosine = comparison.cosine;
  if (result.options.levels == 0) return result;

  // The same lists without any coarse key.
  Options fine = options;
  fine.levels = result.options.levels;
  fine.top_k = result.options.top_k;
  fine.enrichment_levels = 0;
  make_attention<float>("llsa", backend_, *threads_)
      ->forward(input.inputs(), fine, room.outputs(), &state->selection());
  result.mass = mean_probability(rows_of(room.lse, sample), dense_lse_);
  return result;
}

}  // namespace llsa::compare::approximate
