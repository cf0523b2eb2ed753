#include "reference/key_queries.hpp"

#include "reference/baselines/block_mask.hpp"
#include "reference/transpose.hpp"

namespace llsa::reference {
namespace {

class TransposedQueries final : public KeyQueries {
 public:
  explicit TransposedQueries(std::vector<TransposedList> heads) : heads_(std::move(heads)) {}
  std::int64_t count(std::int64_t head, std::int64_t key) const override {
    return static_cast<std::int64_t>(of(head).queries_of(key).size());
  }
  std::span<const std::int32_t> queries(std::int64_t head, std::int64_t key, TokenRange range,
                                        std::vector<std::int32_t>&) const override {
    return of(head).queries_of(key).subspan(static_cast<std::size_t>(range.begin),
                                            static_cast<std::size_t>(range.size()));
  }

 private:
  const TransposedList& of(std::int64_t head) const { return heads_[static_cast<std::size_t>(head)]; }
  std::vector<TransposedList> heads_;
};

}  // namespace

std::unique_ptr<KeyQueries> key_queries(KeyMajor how, const LevelSelection& lists, std::int64_t keys,
                                        ThreadPool& threads) {
  if (how == KeyMajor::dense_mask) return std::make_unique<BlockMask>(lists, keys, threads);
  return std::make_unique<TransposedQueries>(transpose(lists, keys, threads));
}

}  // namespace llsa::reference
