#include <bit>

#include "cuda/ptx/access.hpp"
#include "cuda/ptx/asynchronous.hpp"
#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/lanes.hpp"

// ld, st, cp.async: PTX ISA, "Data Movement and Conversion Instructions".
namespace llsa::ptx {
namespace {

template <std::size_t bytes>
using Bits = std::conditional_t<
    bytes == 1, std::uint8_t,
    std::conditional_t<bytes == 2, std::uint16_t, std::conditional_t<bytes == 4, std::uint32_t, std::uint64_t>>>;

/// D is the register's cell; Element is what lies in memory, signed where the value's sign is to be extended.
template <Space space, Touch touch, class Element, class D>
void load(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  Block& block = warp.block();
  std::uint64_t addresses[32];
  addresses_of(warp, i, i.detail & wide_address, addresses);
  const std::uint32_t count = i.count, bytes = count * sizeof(Element);
  D* d[4];
  for (std::uint32_t k = 0; k < count; ++k) d[k] = warp.cells<D>(i.slot[k]);
  for (std::uint32_t rest = lanes; rest; rest &= rest - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
    const std::byte* from = reach<space, touch>(block, addresses[lane], bytes, {warp.index(), lane});
    for (std::uint32_t k = 0; k < count; ++k) {
      Element value;
      std::memcpy(&value, from + k * sizeof value, sizeof value);
      d[k][lane] = static_cast<D>(value);
    }
  }
  count_access<space>(block, addresses, lanes, bytes);
}

/// A parameter: the same for all lanes unless its address is computed.
template <class Element, class D>
void load_parameter(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  std::uint64_t addresses[32];
  addresses_of(warp, i, i.detail & wide_address, addresses);
  const auto parameters = warp.block().parameters();
  for (std::uint32_t rest = lanes; rest; rest &= rest - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
    const std::uint64_t offset = addresses[lane] - parameter_base, bytes = i.count * sizeof(Element);
    if (offset >= parameters.size() || bytes > parameters.size() - offset)
      throw Fault{"reads outside the kernel's parameters", lane};
    if (offset % bytes) throw Fault{"reads a parameter at a misaligned offset", lane};
    for (std::uint32_t k = 0; k < i.count; ++k) {
      Element value;
      std::memcpy(&value, parameters.data() + offset + k * sizeof value, sizeof value);
      warp.cells<D>(i.slot[k])[lane] = static_cast<D>(value);
    }
  }
}

template <Space space, Touch touch, class Element, class D>
void store(Warp& warp, const Instruction& i, std::uint32_t lanes) {
  Block& block = warp.block();
  std::uint64_t addresses[32];
  addresses_of(warp, i, i.detail & wide_address, addresses);
  const std::uint32_t count = i.count, bytes = count * sizeof(Element);
  const D* s[4];
  for (std::uint32_t k = 0; k < count; ++k) s[k] = warp.cells<D>(i.slot[k]);
  for (std::uint32_t rest = lanes; rest; rest &= rest - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
    std::byte* to = reach<space, touch>(block, addresses[lane], bytes, {warp.index(), lane});
    for (std::uint32_t k = 0; k < count; ++k) {
      const auto value = static_cast<Element>(s[k][lane]);
      std::memcpy(to + k * sizeof value, &value, sizeof value);
    }
  }
  count_access<space>(block, addresses, lanes, bytes);
}

template <class Choose>
Handler by_element(Builder& b, Type type, bool wide, Choose choose) {
  const auto with = [&]<class Element>(Element) {
    return wide ? choose.template operator()<Element, std::uint64_t>()
                : choose.template operator()<Element, std::uint32_t>();
  };
  switch (type) {
    case Type::u8:
    case Type::b8:
      return with(std::uint8_t{});
    case Type::s8:
      return with(std::int8_t{});
    case Type::u16:
    case Type::b16:
      return with(std::uint16_t{});
    case Type::s16:
      return with(std::int16_t{});
    case Type::u32:
    case Type::b32:
    case Type::f32:
      return with(std::uint32_t{});
    case Type::s32:
      return with(std::int32_t{});
    case Type::u64:
    case Type::b64:
    case Type::s64:
      return choose.template operator()<std::uint64_t, std::uint64_t>();
    default:
      b.fail("loads and stores of this type are not known");
  }
}

template <template <Space, Touch> class Make>
Handler by_space(Builder& b, Space space, bool relaxed, Type type, bool wide, Touch plain) {
  const auto make = [&]<Space s>() {
    if (relaxed) return by_element(b, type, wide, Make<s, Touch::atomic>{});
    return plain == Touch::read ? by_element(b, type, wide, Make<s, Touch::read>{})
                                : by_element(b, type, wide, Make<s, Touch::write>{});
  };
  switch (space) {
    case Space::shared:
      return make.template operator()<Space::shared>();
    case Space::global:
      return make.template operator()<Space::global>();
    default:
      return make.template operator()<Space::generic>();
  }
}
/// A volatile load is a read that does not race with volatile and atomic writes.
template <Space space, Touch touch>
struct Load {
  template <class Element, class D>
  Handler operator()() const {
    return load < space, touch == Touch::atomic ? Touch::atomic_read : touch, Element, D > ;
  }
};
template <Space space, Touch touch>
struct Store {
  template <class Element, class D>
  Handler operator()() const {
    return store < space, touch == Touch::atomic ? Touch::atomic_write : touch, Element, D > ;
  }
};
struct LoadParameter {
  template <class Element, class D>
  Handler operator()() const {
    return load_parameter<Element, D>;
  }
};

void transfer(Builder& b, bool loading) {
  Instruction& i = b.instruction();
  bool relaxed = b.accept("volatile");
  if (b.accept("relaxed") || (loading && b.accept("acquire")) || (!loading && b.accept("release"))) {
    relaxed = true;
    b.one_of({"gpu", "cta", "sys"});
  }
  const bool parameter = b.accept("param");
  Space space = Space::generic;
  if (b.accept("global"))
    space = Space::global;
  else if (b.accept("shared"))
    space = Space::shared;
  if (space == Space::shared) b.accept("::cta");
  // Caching hints change nothing here.
  for (const std::string_view hint : {"ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc", "L1::no_allocate",
                                      "L1::evict_last", "L1::evict_first", "L2::64B", "L2::128B", "L2::256B"})
    b.accept(hint);
  i.count = b.accept("v2") ? 2 : b.accept("v4") ? 4 : 1;
  const Type type = b.type();
  b.expect_operands(2);
  const Operand& value = b.operand(loading ? 0 : 1);
  if (i.count > 1 && (value.kind != Operand::Kind::vector || value.elements.size() != i.count))
    b.fail("a vector of " + std::to_string(i.count) + " expected");
  bool wide = bytes_of(type) == 8;
  for (std::uint8_t k = 0; k < i.count; ++k) {
    const Operand& element = i.count > 1 ? value.elements[k] : value;
    if (element.kind == Operand::Kind::reg) wide = b.register_bytes(element) == 8;
    if (k && element.kind == Operand::Kind::reg &&
        wide != (b.register_bytes(i.count > 1 ? value.elements[0] : value) == 8))
      b.fail("registers of different sizes");
  }
  if (bytes_of(type) == 8 && !wide) b.fail("a register smaller than the value");
  for (std::uint8_t k = 0; k < i.count; ++k) {
    const Operand& element = i.count > 1 ? value.elements[k] : value;
    if (loading)
      b.destination(k, element, wide ? 8 : 4);
    else
      b.source(k, element, wide ? 8 : bytes_of(type));
  }
  if (b.address(b.operand(loading ? 1 : 0))) i.detail |= wide_address;
  i.bytes = static_cast<std::uint8_t>(bytes_of(type));
  if (parameter) {
    if (!loading) b.fail("parameters cannot be written");
    i.kind = Class::parameter;
    i.execute = by_element(b, type, wide, LoadParameter{});
    return;
  }
  i.kind = space == Space::shared ? Class::shared : Class::global;
  i.execute = loading ? by_space<Load>(b, space, relaxed, type, wide, Touch::read)
                      : by_space<Store>(b, space, relaxed, type, wide, Touch::write);
}

void asynchronous(Builder& b) {
  Instruction& i = b.instruction();
  i.kind = Class::copy_async;
  if (b.accept("commit_group")) {
    b.expect_operands(0);
    i.execute = commit_copies;
    return;
  }
  if (b.accept("wait_group")) {
    b.expect_operands(1);
    if (b.operand(0).kind != Operand::Kind::number) b.fail("a number of groups expected");
    i.offset = static_cast<std::int64_t>(b.operand(0).bits);
    i.execute = wait_for_copies;
    return;
  }
  if (b.accept("wait_all")) {
    b.expect_operands(0);
    i.detail = 1;
    i.execute = wait_for_copies;
    return;
  }
  const bool past_l1 = b.one_of({"ca", "cg"}) == 1;
  b.one_of({"shared", "shared::cta"});
  b.one_of({"global"});
  for (const std::string_view hint : {"L2::64B", "L2::128B", "L2::256B"}) b.accept(hint);
  if (b.operand_count() < 3 || b.operand_count() > 4) b.fail("takes 3 or 4 operands");
  const Operand& size = b.operand(2);
  if (size.kind != Operand::Kind::number || (size.bits != 16 && (past_l1 || (size.bits != 4 && size.bits != 8))))
    b.fail("copies 16 bytes, or with .ca 4 or 8");
  i.bytes = static_cast<std::uint8_t>(size.bits);
  const Operand& to = b.operand(0);
  if (to.kind != Operand::Kind::address || to.offset != 0) b.fail("an address without offset expected");
  const Operand& base = to.elements[0];
  const bool wide = base.kind == Operand::Kind::reg && b.register_bytes(base) == 8;
  if (wide) i.detail |= wide_address;
  b.source(0, base, wide ? 8 : 4);
  if (!b.address(b.operand(1))) b.fail("a 64-bit global address expected");
  if (b.operand_count() == 4)
    b.source(1, b.operand(3), 4);
  else
    b.constant(1, size.bits, 4);
  i.execute = start_copies;
}

}  // namespace

bool decode_memory(Builder& b) {
  if (b.base() == "ld" || b.base() == "st") return transfer(b, b.base() == "ld"), true;
  if (b.base() == "cp") return b.one_of({"async"}), asynchronous(b), true;
  return false;
}

}  // namespace llsa::ptx
