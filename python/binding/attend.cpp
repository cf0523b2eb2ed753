#include "attend.hpp"

#include <memory>
#include <string>

#include "lists.hpp"
#include "llsa/error.hpp"
#include "pool.hpp"
#include "reference/attention.hpp"

namespace pyllsa {
namespace {

using namespace llsa;

/// The options with L numbers of top-K.
Options options_of(const Call& call) {
  Options options = call.options;
  const int levels = options.levels.value_or(0);
  if (levels < 0 || levels > max_levels)
    throw Error("levels is " + std::to_string(levels) + "; it must be 0 to " + std::to_string(max_levels));
  if (options.top_k.size() == 1) options.top_k.assign(static_cast<std::size_t>(levels), options.top_k.front());
  if (options.top_k.empty() && levels == 0) options.top_k = {1};
  return options;
}

ListLayout layout_of(const Call& call, const Options& options) {
  const auto& query = std::get<1>(call.query);
  const auto& key = std::get<1>(call.key);
  std::vector<std::int64_t> top_k = options.top_k;
  top_k.resize(static_cast<std::size_t>(options.levels.value_or(0)));
  return {query[0] * query[1], query[2], key[2], call.packing.sequences(), options.block_size, top_k};
}

void check_offsets(const char* name, const std::vector<std::int64_t>& offsets, std::int64_t tokens) {
  bool ascending = offsets.size() >= 2 && offsets.front() == 0 && offsets.back() == tokens;
  for (std::size_t i = 1; ascending && i < offsets.size(); ++i) ascending = offsets[i - 1] <= offsets[i];
  if (!ascending)
    throw Error(std::string("cu_seqlens of the ") + name + " must begin with 0, ascend, and end with the number of " +
                name + " tokens, " + std::to_string(tokens));
}

/// Calls `work(query tokens, key tokens)` for every sequence.
template <class Work>
void for_each_sequence(const Call& call, const Work& work) {
  const std::int64_t queries = std::get<1>(call.query)[2], keys = std::get<1>(call.key)[2];
  if (call.packing.query.empty()) return work(TokenRange{0, queries}, TokenRange{0, keys});
  check_offsets("query", call.packing.query, queries);
  check_offsets("key", call.packing.key, keys);
  if (call.packing.query.size() != call.packing.key.size())
    throw Error("cu_seqlens counts " + std::to_string(call.packing.query.size() - 1) + " sequences of queries and " +
                std::to_string(call.packing.key.size() - 1) + " of keys; they must be as many");
  for (std::size_t s = 0; s + 1 < call.packing.query.size(); ++s) {
    const TokenRange query{call.packing.query[s], call.packing.query[s + 1]};
    const TokenRange key{call.packing.key[s], call.packing.key[s + 1]};
    if (query.size() > 0 && key.size() == 0)
      throw Error("cu_seqlens: sequence " + std::to_string(s) + " has queries but no keys");
    work(query, key);
  }
}

template <class T>
AttentionInputs<T> inputs_of(const Call& call, TokenRange query, TokenRange key) {
  return {tokens_of(view_of<const T>(call.query), query.begin, query.end),
          tokens_of(view_of<const T>(call.key), key.begin, key.end),
          tokens_of(view_of<const T>(call.value), key.begin, key.end)};
}

template <class T>
AttentionOutputs<T> outputs_of(const Call& call, TokenRange query) {
  return {tokens_of(view_of<T>(call.output), query.begin, query.end),
          tokens_of(view_of<Accumulate<T>>(call.lse), query.begin, query.end)};
}

void check_lists(const Call& call, const ListLayout& layout) {
  if (call.lists_size != layout.size())
    throw Error("selection has " + std::to_string(call.lists_size) + " indices; this problem has " +
                std::to_string(layout.size()));
}

std::int64_t heads_of(const Call& call) { return std::get<1>(call.query)[0] * std::get<1>(call.query)[1]; }

template <class T>
void forward_sequences(const Call& call, const Options& options, const ListLayout& layout,
                       reference::ReferenceAttention<T>& attention) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(layout.levels()), 0);
  for_each_sequence(call, [&](TokenRange query, TokenRange key) {
    if (query.size() == 0) return;
    const AttentionInputs<T> inputs = inputs_of<T>(call, query, key);
    const AttentionOutputs<T> outputs = outputs_of<T>(call, query);
    if (call.lists_given) {
      const ResolvedOptions resolved = resolve(options, inputs.query.shape, inputs.key.shape, inputs.value.shape);
      const Selection given = layout.read(resolved, heads_of(call), rows, call.lists);
      attention.forward(inputs, options, outputs, &given);
    } else {
      const auto state = attention.forward(inputs, options, outputs, nullptr);
      layout.write(state->selection(), rows, call.lists);
    }
  });
}

template <class T>
void forward_as(const Call& call) {
  const auto pool = shared_pool();
  reference::ReferenceAttention<T> attention(*pool);
  const Options options = options_of(call);
  const ListLayout layout = layout_of(call, options);
  check_lists(call, layout);
  if (!call.lists_given && call.packing.sequences() > 0) std::fill_n(call.lists, layout.size(), -1);
  forward_sequences(call, options, layout, attention);
}

/// What `forward` kept for `backward`, made again from the lists: pooling costs little beside what a graph would have
/// to hold otherwise.
template <class T>
std::unique_ptr<AttentionState> state_again(const Options& options, const AttentionInputs<T>& inputs,
                                            const Selection& lists, ThreadPool& pool) {
  const ResolvedOptions resolved = resolve(options, inputs.query.shape, inputs.key.shape, inputs.value.shape);
  validate(lists, resolved, inputs.query.shape.batch * inputs.query.shape.heads);
  auto state = std::make_unique<reference::ReferenceState<T>>(resolved, inputs.shapes());
  state->lists = lists;
  state->key = reference::pool(inputs.key, resolved.key, pool);
  state->value = reference::pool(inputs.value, resolved.key, pool);
  return state;
}

template <class T>
void backward_sequences(const Call& call, const Gradients& g, const Options& options, const ListLayout& layout,
                        reference::ReferenceAttention<T>& attention, ThreadPool& pool) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(layout.levels()), 0);
  for_each_sequence(call, [&](TokenRange query, TokenRange key) {
    const AttentionGradients<T> gradients{tokens_of(view_of<T>(g.query), query.begin, query.end),
                                          tokens_of(view_of<T>(g.key), key.begin, key.end),
                                          tokens_of(view_of<T>(g.value), key.begin, key.end)};
    if (query.size() == 0) {
      fill_with_zero(gradients.key);
      fill_with_zero(gradients.value);
      return;
    }
    const AttentionInputs<T> inputs = inputs_of<T>(call, query, key);
    const ResolvedOptions resolved = resolve(options, inputs.query.shape, inputs.key.shape, inputs.value.shape);
    const Selection lists = layout.read(resolved, heads_of(call), rows, call.lists);
    const auto state = state_again<T>(options, inputs, lists, pool);
    attention.backward(inputs, outputs_of<T>(call, query), *state,
                       {tokens_of(view_of<const T>(g.output), query.begin, query.end),
                        tokens_of(view_of<const Accumulate<T>>(g.lse), query.begin, query.end)},
                       gradients);
  });
}

template <class T>
void backward_as(const Call& call, const Gradients& g) {
  const auto pool = shared_pool();
  reference::ReferenceAttention<T> attention(*pool);
  const Options options = options_of(call);
  const ListLayout layout = layout_of(call, options);
  check_lists(call, layout);
  backward_sequences(call, g, options, layout, attention, *pool);
}

}  // namespace

void forward(const Call& call) {
  with_type(call.dtype, [&]<class T>(T) { forward_as<T>(call); });
}

void backward(const Call& call, const Gradients& gradients) {
  with_type(call.dtype, [&]<class T>(T) { backward_as<T>(call, gradients); });
}

void check(const Call& call) {
  const Options options = options_of(call);
  const ListLayout layout = layout_of(call, options);
  if (call.lists_given) check_lists(call, layout);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(layout.levels()), 0);
  for_each_sequence(call, [&](TokenRange query, TokenRange key) {
    if (!call.lists_given || query.size() == 0) return;
    Shape query_shape = view_of<const float>(call.query).shape, key_shape = view_of<const float>(call.key).shape;
    query_shape.tokens = query.size();
    key_shape.tokens = key.size();
    const ResolvedOptions resolved = resolve(options, query_shape, key_shape, key_shape);
    validate(layout.read(resolved, heads_of(call), rows, call.lists), resolved, heads_of(call));
  });
}

std::int64_t lists_size(const Call& call) { return layout_of(call, options_of(call)).size(); }

}  // namespace pyllsa
