#include "cuda/simt/shared_shadow.hpp"

namespace llsa::cuda::simt {
namespace {

std::string thread_name(unsigned thread) { return "thread " + std::to_string(thread); }

}  // namespace

SharedShadow::Cell& SharedShadow::at(std::size_t offset) {
  Cell& cell = cells_[offset / 8];
  if (cell.block != block_) cell = Cell{.block = block_, .of_write = {}, .of_read = {}};
  return cell;
}

bool SharedShadow::ordered(const Moment& then, unsigned other, unsigned warp) const {
  return barriers_ > then.barrier || (other == warp && warp_syncs_[warp] > then.warp_sync);
}

std::string SharedShadow::overwrites(const Cell& cell, unsigned thread) const {
  const unsigned warp = thread / 32;
  if (cell.under_way) return "overwrites the target of a copy of " + thread_name(cell.writer) + " that is under way";
  if (cell.written && cell.writer != thread && !ordered(cell.of_write, cell.writer / 32, warp))
    return "overwrites what " + thread_name(cell.writer) + " wrote, with no __syncwarp or barrier in between";
  if (cell.read &&
      (cell.read_by_many ? barriers_ == cell.of_read.barrier : !ordered(cell.of_read, cell.reading_warp, warp)))
    return "overwrites what warp " + std::to_string(cell.reading_warp) + (cell.read_by_many ? " and others" : "") +
           " read, with no __syncwarp or barrier in between";
  return {};
}

std::string SharedShadow::copy_begins(std::size_t offset, unsigned thread) {
  Cell& cell = at(offset);
  std::string wrong = overwrites(cell, thread);
  cell.writer = thread;
  cell.written = cell.under_way = true;
  cell.read = cell.read_by_many = false;
  return wrong;
}

void SharedShadow::copy_lands(std::size_t offset, unsigned thread) {
  Cell& cell = at(offset);
  cell.under_way = false;
  cell.of_write = now(thread / 32);
}

std::string SharedShadow::store(std::size_t offset, unsigned thread) {
  std::string wrong = copy_begins(offset, thread);
  copy_lands(offset, thread);
  return wrong;
}

std::string SharedShadow::warp_reads(std::size_t offset, unsigned warp) {
  Cell& cell = at(offset);
  if (cell.under_way) return "reads the target of a copy of " + thread_name(cell.writer) + " that is under way";
  if (cell.written && !ordered(cell.of_write, cell.writer / 32, warp))
    return "reads what " + thread_name(cell.writer) + " wrote or copied, with no __syncwarp or barrier since";
  const Moment moment = now(warp);
  cell.read_by_many =
      cell.read && cell.of_read.barrier == barriers_ && (cell.read_by_many || cell.reading_warp != warp);
  cell.read = true;
  cell.reading_warp = warp;
  cell.of_read = moment;
  return {};
}

}  // namespace llsa::cuda::simt
