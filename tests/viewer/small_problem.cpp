#include "small_problem.hpp"

#include <ostream>
#include <random>

#include "viewer/model/layout.hpp"

namespace llsa::viewer {
namespace {

rc::Gen<Grid> grids() {
  return rc::gen::apply(
      [](int height, int width, int frames) {
        return Grid{frames, height, width};
      },
      rc::gen::inRange(1, 18), rc::gen::inRange(1, 18), rc::gen::weightedElement<int>({{5, 1}, {1, 2}, {1, 3}}));
}

Tensor<float> random_tensor(Shape shape, bool integers, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensor<float> tensor(shape);
  for (float& x : tensor.flat())
    x = integers ? static_cast<float>(static_cast<int>(random() % 5) - 2)
                 : static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-53 * 4 - 2);
  return tensor;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const SmallProblem& p) {
  return out << to_string(p.query_grid) << " on " << to_string(p.key_grid) << " D " << p.dim << " Dv " << p.value_dim
             << " stored " << p.stored_order << (p.integers ? " integers" : "") << " seed " << p.seed << "; "
             << describe(p.settings);
}

rc::Gen<SmallProblem> small_problems() {
  return rc::gen::exec([] {
    SmallProblem p;
    p.query_grid = *grids();
    p.key_grid = *rc::gen::weightedElement<int>({{3, 0}, {1, 1}}) ? *grids() : p.query_grid;
    p.dim = *rc::gen::element(1, 3, 16, 20);
    p.value_dim = *rc::gen::element(1, 4, 17);
    p.integers = *rc::gen::arbitrary<bool>();
    p.seed = static_cast<std::uint64_t>(*rc::gen::inRange(0, 1000000));
    p.stored_order = *rc::gen::element<std::string>("raster", "morton", "hilbert");
    p.settings.how.order = *rc::gen::element<std::string>("", "raster", "morton", "hilbert");
    p.settings.how.method = *rc::gen::weightedElement<std::string>(
        {{6, "llsa"}, {1, "full"}, {1, "topk"}, {1, "topk+enrichment"}, {1, "topk+enrichment+reweighting"}});
    Options& o = p.settings.how.options;
    o.block_size = *rc::gen::element(2, 3, 4, 16);
    o.levels = *rc::gen::inRange(0, 4);
    o.top_k = {*rc::gen::inRange(1, 6)};
    o.reweight = *rc::gen::arbitrary<bool>();
    o.coverage = *rc::gen::element(Coverage::overlapping, Coverage::disjoint);
    if (*rc::gen::arbitrary<bool>()) o.enrichment_levels = *rc::gen::inRange(0, *o.levels + 1);
    return p;
  });
}

std::shared_ptr<const Document> document_of(const SmallProblem& p) {
  auto document = std::make_shared<Document>();
  document->title = "test";
  document->query_grid = p.query_grid;
  document->key_grid = p.key_grid;
  document->order = p.stored_order;
  const std::int64_t nq = p.query_grid.size(), nk = p.key_grid.size();
  document->sets.push_back({"", random_tensor({p.batch, p.heads, nq, p.dim}, p.integers, p.seed),
                            random_tensor({p.batch, p.heads, nk, p.dim}, p.integers, p.seed + 1),
                            random_tensor({p.batch, p.heads, nk, p.value_dim}, p.integers, p.seed + 2)});
  return document;
}

std::shared_ptr<const HeadSelection> select(const SmallProblem& p) {
  static ThreadPool threads(1);
  const auto document = document_of(p);
  auto head = std::make_shared<const Head>(
      take_head(*document, p.settings.set, p.settings.batch, p.settings.head, p.settings.how.order));
  return std::make_shared<const HeadSelection>(select_head(head, p.settings, threads));
}

}  // namespace llsa::viewer
