#include "compare/profile/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>

#include "backends/backends.hpp"
#include "compare/keys_per_query.hpp"
#include "compare/profile/device.hpp"
#include "compare/profile/memory.hpp"
#include "compare/profile/problem.hpp"
#include "compare/storage.hpp"
#include "llsa/error.hpp"
#include "reference/attend.hpp"
#include "reference/attend_backward.hpp"
#include "reference/select.hpp"
#include "reference/transpose.hpp"

namespace llsa::compare::profile {
namespace {

double process_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class Recorder {
 public:
  Recorder(Profile& profile, std::stop_token stop) : profile_(profile), stop_(std::move(stop)) {}

  /// Times `work` as one more repetition of the series of this name at the last size. Nothing is kept of a warm-up.
  template <class Work>
  void time(const char* method, const char* pass, const char* stage, const Work& work) {
    if (stop_.stop_requested()) throw Cancelled();
    const double cpu = process_cpu_seconds();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const auto end = std::chrono::steady_clock::now();
    if (!warm) return;
    series(method, pass, stage)
        .samples.push_back({std::chrono::duration<double>(begin - start_).count(),
                            std::chrono::duration<double>(end - begin).count(), process_cpu_seconds() - cpu});
  }

  bool warm = false;

 private:
  ProfileSeries& series(const char* method, const char* pass, const char* stage) {
    const std::int64_t tokens = profile_.sizes.back().tokens;
    if (const ProfileSeries* known = profile_.find(method, pass, stage, tokens))
      return const_cast<ProfileSeries&>(*known);
    return profile_.series.emplace_back(ProfileSeries{method, pass, stage, tokens, {}});
  }

  Profile& profile_;
  std::stop_token stop_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Both passes through the common interface.
template <class T>
std::unique_ptr<AttentionState> run_total(Recorder& recorder, const char* method, Attention<T>& attention,
                                          const Options& options, ProfileProblem<T>& problem) {
  const std::string extras = std::string_view(method) == "dense" ? "full" : method;
  const AttentionInputs<T> inputs = problem.inputs(extras);
  const AttentionGradients<T> gradients = problem.gradients(extras);
  std::unique_ptr<AttentionState> state;
  recorder.time(method, "forward", "total", [&] { state = attention.forward(inputs, options, problem.outputs()); });
  recorder.time(method, "backward", "total",
                [&] { attention.backward(inputs, problem.outputs(), *state, problem.output_gradients(), gradients); });
  return state;
}

/// The reference's stages one by one, as its forward and backward call them.
template <class T>
void run_stages(Recorder& recorder, const ResolvedOptions& options, ProfileProblem<T>& problem, ThreadPool& threads) {
  using C = Accumulate<T>;
  const AttentionInputs<T> inputs = problem.inputs();
  const AttentionOutputs<T> outputs = problem.outputs();
  const AttentionOutputGradients<T> output_gradients = problem.output_gradients();
  const AttentionGradients<T> gradients = problem.gradients();
  reference::Pyramid<C> query, key, value;
  Selection selection;
  const reference::AttendProblem<T> stage{inputs.query, inputs.key, inputs.value, key, value, selection, options};
  recorder.time("llsa", "forward", "pool", [&] {
    query = reference::pool(inputs.query, options.query, threads);
    key = reference::pool(inputs.key, options.key, threads);
    value = reference::pool(inputs.value, options.key, threads);
  });
  recorder.time("llsa", "forward", "select", [&] { selection = reference::select(query, key, options, threads); });
  recorder.time("llsa", "forward", "attend", [&] {
    reference::attend<T>({stage, outputs.output, outputs.lse}, threads);
  });
  recorder.time("llsa", "backward", "transpose", [&] {
    for (int level = 1; level <= selection.levels(); ++level)
      reference::transpose(selection.level(level), options.key.length(level), threads);
  });
  recorder.time("llsa", "backward", "attend_backward", [&] {
    reference::attend_backward<T>({.problem = stage,
                                   .output = outputs.output,
                                   .lse = outputs.lse,
                                   .output_gradient = output_gradients.output,
                                   .lse_gradient = output_gradients.lse,
                                   .query_gradient = gradients.query,
                                   .key_gradient = gradients.key,
                                   .value_gradient = gradients.value},
                                  threads);
  });
}

template <class T>
void measure(Profile& profile, std::stop_token stop, const std::function<void(const std::string&)>& progress) {
  const ProfileRequest& request = profile.request;
  ThreadPool threads(request.threads);
  threads.set_stop_token(stop);
  profile.threads = threads.threads();
  const auto attention = make_attention<T>(request.backend, threads);
  std::vector<std::unique_ptr<Attention<T>>> others;
  for (const std::string& method : request.methods)
    others.push_back(make_attention<T>(method, request.backend, threads));
  const Options dense = dense_counterpart(request.options);
  Recorder recorder(profile, stop);
  for (const std::int64_t tokens : request.tokens) {
    const Shape shape{1, request.heads, tokens, request.head_dim};
    const ResolvedOptions resolved = resolve(request.options, shape, shape, shape);
    progress(fmt::format("{} tokens: warming up", tokens));
    ProfileProblem<T> problem(request, tokens);
    profile.sizes.push_back({.tokens = tokens, .levels = resolved.levels, .input_bytes = problem.input_bytes()});

    recorder.warm = false;
    PeakMemory memory;
    const auto state = run_total(recorder, "llsa", *attention, request.options, problem);
    profile.sizes.back().working_bytes = memory.bytes();
    profile.sizes.back().keys_per_query = keys_per_query(state->selection(), resolved, request.heads);

    const auto run_others = [&] {
      for (std::size_t i = 0; i < others.size(); ++i)
        if (request.methods[i] != "full" || tokens <= request.dense_limit)
          run_total(recorder, request.methods[i].c_str(), *others[i], request.options, problem);
    };
    run_others();

    recorder.warm = true;
    for (int repetition = 1; repetition <= request.repetitions; ++repetition) {
      progress(fmt::format("{} tokens: repetition {} of {}", tokens, repetition, request.repetitions));
      run_total(recorder, "llsa", *attention, request.options, problem);
      if (request.backend == "reference") run_stages(recorder, resolved, problem, threads);
      if (tokens <= request.dense_limit) run_total(recorder, "dense", *attention, dense, problem);
      run_others();
    }
  }
}

void require(bool right, const char* name, std::int64_t value, const char* allowed) {
  if (!right) throw Error(fmt::format("{} is {}; it must be {}", name, value, allowed));
}

}  // namespace

Options dense_counterpart(const Options& options) { return {.levels = 0, .scale = options.scale}; }

void validate(const ProfileRequest& request) {
  if (request.tokens.empty()) throw Error("tokens is empty; at least one length is needed");
  for (const std::int64_t tokens : request.tokens)
    require(tokens >= 1 && tokens <= (std::int64_t{1} << 26), "tokens", tokens, "1 to 67108864");
  require(request.heads >= 1 && request.heads <= 4096, "heads", request.heads, "1 to 4096");
  require(request.head_dim >= 1 && request.head_dim <= 4096, "head-dim", request.head_dim, "1 to 4096");
  require(request.repetitions >= 1 && request.repetitions <= 10000, "repetitions", request.repetitions, "1 to 10000");
  require(request.dense_limit >= 0, "dense-limit", request.dense_limit, "0 or more");
  for (const std::int64_t tokens : request.tokens) {
    const Shape shape{1, request.heads, tokens, request.head_dim};
    resolve(request.options, shape, shape, shape);
    for (const std::string& method : request.methods)
      resolve(method_options(method, request.options), shape, shape, shape);
  }
  for (auto at = request.methods.begin(); at != request.methods.end(); ++at)
    if (*at == "llsa" || std::find(request.methods.begin(), at, *at) != at)
      throw Error(fmt::format("method '{}' is named twice; llsa is always timed", *at));
  if (!request.methods.empty() && measures_on_device(request.backend))
    throw Error(
        fmt::format("further methods are timed by the clock, on backend 'reference', not on '{}'", request.backend));
}

std::vector<double> ProfileSeries::seconds() const {
  std::vector<double> result;
  for (const ProfileSample& sample : samples) result.push_back(sample.wall);
  return result;
}

std::string ProfileSeries::name(const std::string& backend) const {
  return fmt::format("{}/{}/{}/{}/{}", backend, method, pass, stage, tokens);
}

const ProfileSeries* Profile::find(std::string_view method, std::string_view pass, std::string_view stage,
                                   std::int64_t tokens) const {
  const auto at = std::ranges::find_if(series, [&](const ProfileSeries& each) {
    return each.method == method && each.pass == pass && each.stage == stage && each.tokens == tokens;
  });
  return at == series.end() ? nullptr : &*at;
}

Profile measure_profile(const ProfileRequest& request, std::stop_token stop,
                        const std::function<void(const std::string&)>& progress) {
  validate(request);
  Profile profile{.request = request};
  std::ranges::sort(profile.request.tokens);
  const auto repeated = std::ranges::unique(profile.request.tokens);
  profile.request.tokens.erase(repeated.begin(), repeated.end());
  if (measures_on_device(request.backend))
    measure_on_device(profile, stop, progress);
  else
    with_storage(request.precision, [&]<class T>(std::type_identity<T>) { measure<T>(profile, stop, progress); });
  return profile;
}

}  // namespace llsa::compare::profile
