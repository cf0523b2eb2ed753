#include "viewer/model/pyramid_layout.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

struct Drawn {
  std::shared_ptr<const HeadSelection> head;
  QueryView view;
  PyramidLayout layout;
};

Drawn any_pyramid() {
  const auto p = *small_problems();
  Drawn drawn{select(p), {}, {}};
  drawn.view = view_query(drawn.head, *rc::gen::inRange<std::int64_t>(0, p.query_grid.size()));
  drawn.layout = PyramidLayout(drawn.view, *rc::gen::arbitrary<bool>());
  return drawn;
}

RC_GTEST_PROP(PyramidLayout, hit_testing_inverts_drawing, ()) {
  const Drawn drawn = any_pyramid();
  const auto& nodes = drawn.layout.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    RC_ASSERT(drawn.layout.hit(nodes[i].rect.center()) == i);
    RC_ASSERT(nodes[i].rect.x0 >= 0 && nodes[i].rect.x1 <= 1 + 1e-12);
    RC_ASSERT(!drawn.layout.hit({nodes[i].rect.center().x, nodes[i].rect.y0 - 0.01}));
    RC_ASSERT(!drawn.layout.hit({nodes[i].rect.center().x, nodes[i].rect.y1 + 0.01}));
  }
}

RC_GTEST_PROP(PyramidLayout, shows_every_candidate_and_every_fine_key_once, ()) {
  const Drawn drawn = any_pyramid();
  std::map<std::pair<int, std::int64_t>, int> ranks;
  for (const PyramidNode& node : drawn.layout.nodes()) {
    const auto [at, added] = ranks.insert({{node.key.level, node.key.token}, node.rank});
    RC_ASSERT(added);
  }
  std::size_t expected = static_cast<std::size_t>(drawn.view.fine_keys);
  for (int l = 1; l <= drawn.head->levels(); ++l) {
    expected += drawn.view.level(l).candidates.size();
    for (const Candidate& c : drawn.view.level(l).candidates) RC_ASSERT(ranks.at({l, c.token}) == c.rank);
  }
  RC_ASSERT(ranks.size() == expected);
}

RC_GTEST_PROP(PyramidLayout, every_child_hangs_below_its_selected_parent, ()) {
  const Drawn drawn = any_pyramid();
  const auto& nodes = drawn.layout.nodes();
  for (const PyramidNode& node : nodes) {
    if (node.key.level == drawn.head->levels()) {
      RC_ASSERT(node.parent == -1);
      continue;
    }
    RC_ASSERT(node.parent >= 0);
    const PyramidNode& parent = nodes[static_cast<std::size_t>(node.parent)];
    RC_ASSERT(parent.key.level == node.key.level + 1);
    RC_ASSERT(parent.key.token == node.key.token / drawn.head->options.block_size);
    RC_ASSERT(parent.rank >= 0);
    RC_ASSERT(parent.rect.y1 < node.rect.y0);
  }
}

TEST(PyramidLayout, to_scale_a_token_lies_where_its_fine_tokens_lie) {
  SmallProblem p;
  p.settings.how.options = {.block_size = 4, .levels = 1, .top_k = {2}};
  const PyramidLayout layout(view_query(select(p), 0), true);
  for (const PyramidNode& node : layout.nodes())
    if (node.key.level == 1) {
      EXPECT_DOUBLE_EQ(node.rect.x0, static_cast<double>(node.key.token) / 4);
      EXPECT_DOUBLE_EQ(node.rect.width(), 0.25);
    }
}

}  // namespace
}  // namespace llsa::viewer
