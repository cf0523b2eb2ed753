#include "cuda/ptx/access.hpp"
#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/matrix.hpp"

// ldmatrix and mma: PTX ISA, "Warp Level Matrix Multiply-Accumulate Instructions".
namespace llsa::ptx {
namespace {

void elements(Builder& b, const Operand& operand, std::uint8_t first, std::size_t count, bool define) {
  if (operand.kind == Operand::Kind::reg && count == 1)
    return define ? b.destination(first, operand, 4) : b.source(first, operand, 4);
  if (operand.kind != Operand::Kind::vector || operand.elements.size() != count)
    b.fail("a vector of " + std::to_string(count) + " expected");
  for (std::size_t k = 0; k < count; ++k) {
    const auto position = static_cast<std::uint8_t>(first + k);
    if (define)
      b.destination(position, operand.elements[k], 4);
    else
      b.source(position, operand.elements[k], 4);
  }
}

}  // namespace

bool decode_matrix(Builder& b) {
  Instruction& i = b.instruction();
  if (b.base() == "ldmatrix") {
    b.one_of({"sync"}), b.one_of({"aligned"}), b.one_of({"m8n8"});
    i.count = static_cast<std::uint8_t>(1u << b.one_of({"x1", "x2", "x4"}));
    const bool transposed = b.accept("trans");
    b.one_of({"shared", "shared::cta"}), b.one_of({"b16"});
    i.flow = Flow::aligned;
    i.kind = Class::ldmatrix;
    i.execute = transposed ? load_matrices_transposed : load_matrices;
    b.expect_operands(2);
    elements(b, b.operand(0), 0, i.count, true);
    if (b.address(b.operand(1))) i.detail |= wide_address;
    return true;
  }
  if (b.base() == "mma") {
    for (const std::string_view word : {"sync", "aligned", "m16n8k16", "row", "col", "f32"}) b.one_of({word});
    const bool half = b.one_of({"f16", "bf16"}) == 0;
    b.one_of({half ? "f16" : "bf16"}), b.one_of({"f32"});
    i.flow = Flow::aligned;
    i.kind = Class::matrix;
    i.execute = half ? multiply_half : multiply_bf16;
    b.expect_operands(4);
    elements(b, b.operand(0), 0, 4, true);
    elements(b, b.operand(1), 4, 4, false);
    elements(b, b.operand(2), 8, 2, false);
    elements(b, b.operand(3), 10, 4, false);
    return true;
  }
  return false;
}

}  // namespace llsa::ptx
