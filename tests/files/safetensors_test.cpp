#include "files/safetensors.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "support.hpp"
#include "tensor_generators.hpp"

namespace llsa::files {
namespace {

using namespace testing;

TensorFile parse(const std::string& file) { return parse_safetensors(bytes_of(file), "x.safetensors"); }
std::string refusal(const std::string& header, const std::string& data = "") {
  return error_of([&] { parse(safetensors_file(header, data)); });
}
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

RC_GTEST_PROP(Safetensors, what_is_written_is_read_back_bit_for_bit, ()) {
  static const TemporaryFolder folder;
  TensorFile file;
  const int count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) file.tensors.push_back(*tensors("t\"\n" + std::to_string(i)));
  file.metadata = *rc::gen::container<std::map<std::string, std::string>>(
      rc::gen::string<std::string>(), rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127)));
  std::erase_if(file.metadata, [](const auto& item) {
    return std::ranges::any_of(item.first, [](char c) { return static_cast<unsigned char>(c) > 126; });
  });
  write_safetensors(folder / "x.safetensors", file);
  const TensorFile back = read_safetensors(folder / "x.safetensors");
  RC_ASSERT(back.metadata == file.metadata);
  RC_ASSERT(back.tensors.size() == file.tensors.size());
  for (const NamedTensor& tensor : file.tensors) RC_ASSERT(back.at(tensor.name()) == tensor);
  RC_ASSERT(folder.names() == std::vector<std::string>{"x.safetensors"});
}

RC_GTEST_PROP(Safetensors, every_tensor_is_aligned_to_its_elements_in_the_file, ()) {
  static const TemporaryFolder folder;
  std::vector<NamedTensor> all;
  for (int i = 0; i < 5; ++i) all.push_back(*tensors(std::string(static_cast<std::size_t>(i) + 1, 'n')));
  write_safetensors(folder / "x.safetensors", all);
  const std::string file = read_text(folder / "x.safetensors");
  const auto text_size =
      static_cast<std::size_t>(static_cast<unsigned char>(file[0]) + 256 * static_cast<unsigned char>(file[1]));
  RC_ASSERT(text_size % 8 == 0);
  std::size_t offset = 0;
  for (const NamedTensor& tensor : read_safetensors(folder / "x.safetensors").tensors) {
    RC_ASSERT(offset % size_of(tensor.type()) == 0);
    offset += tensor.bytes().size();
  }
  RC_ASSERT(file.size() == 8 + text_size + offset);
}

TEST(Safetensors, the_bytes_written_are_those_of_the_formats_own_library) {
  const TemporaryFolder folder;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  write_safetensors(folder / "x", std::vector{NamedTensor("q", {2, 3}, std::span<const float>(values))},
                    {{"format", "pt"}});
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"q":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";
  EXPECT_EQ(read_text(folder / "x"), little(88, 8) + header + std::string(88 - header.size(), ' ') +
                                         std::string(reinterpret_cast<const char*>(values.data()), 24));
  write_safetensors(folder / "x", TensorFile{});
  EXPECT_EQ(read_text(folder / "x"), little(8, 8) + "{}      ");
}

TEST(Safetensors, tensors_come_in_the_order_of_their_data_whatever_the_header_says) {
  const TensorFile file =
      parse(safetensors_file(R"({"b":)" + entry("I32", "[1]", "[4,8]") + R"(,"a":)" + entry("I32", "[1]", "[0,4]") +
                                 R"(,"z":)" + entry("I32", "[0]", "[4,4]") + "}  ",
                             little(11, 4) + little(22, 4)));
  ASSERT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.tensors[0].name(), "a");
  EXPECT_EQ(file.tensors[1].name(), "z");
  EXPECT_EQ(file.at("a").integers(), std::vector<std::int64_t>{11});
  EXPECT_EQ(file.at("b").integers(), std::vector<std::int64_t>{22});
}

TEST(Safetensors, tensors_of_types_that_are_not_read_stand_in_nobodys_way_and_are_named_when_asked_for) {
  const TensorFile file = parse(safetensors_file(R"({"mask":)" + entry("BOOL", "[1,3]", "[0,3]") + R"(,"q":)" +
                                                     entry("I32", "[1]", "[3,7]") + R"(,"scaled_fp8":)" +
                                                     entry("F8_E4M3", "[0]", "[7,7]") + "}",
                                                 std::string("\1\0\1", 3) + little(42, 4)));
  ASSERT_EQ(file.tensors.size(), 1u);
  EXPECT_EQ(file.at("q").integers(), std::vector<std::int64_t>{42});
  ASSERT_EQ(file.unread.size(), 2u);
  const std::string named = "tensor 'mask' is BOOL; it must be F16, BF16, F32, F64, I32 or I64";
  EXPECT_EQ(error_of([&] { file.at("mask"); }), named);
  EXPECT_EQ(error_of([&] { file.find("mask"); }), named) << "what is there is not missing";
  EXPECT_EQ(error_of([&] { file.at("k"); }),
            "there is no tensor 'k'; there is 'q', 'mask' (BOOL, not read), 'scaled_fp8' (F8_E4M3, not read)");
}

TEST(Safetensors, every_malformed_file_is_refused_with_one_line_that_says_what_and_where) {
  const std::string x = "x.safetensors: ", four(4, '\0'), eight(8, '\0');
  EXPECT_EQ(error_of([&] { parse("1234567"); }),
            x + "not a .safetensors file: 7 bytes; it must begin with 8 bytes of header length");
  EXPECT_EQ(error_of([&] { parse(little(3, 8) + "{}"); }),
            x + "the header claims 3 bytes from byte 8; the file has 10 bytes");
  EXPECT_EQ(error_of([&] { parse(little(~0ull, 8) + "{}"); }),
            x + "the header claims 18446744073709551615 bytes; at most 100000000 are allowed");
  EXPECT_EQ(error_of([&] { parse(little(100'000'001, 8) + "{}"); }),
            x + "the header claims 100000001 bytes; at most 100000000 are allowed");
  const std::string not_one = x + "not a .safetensors file: the header must begin with '{' at byte 8";
  EXPECT_EQ(refusal(""), not_one);
  EXPECT_EQ(refusal(" {}"), not_one);
  EXPECT_EQ(refusal("[]"), not_one);
  EXPECT_EQ(refusal("{"), x + "header: not valid JSON at byte 9 of the file");
  EXPECT_EQ(refusal("{}x"), x + "header: not valid JSON at byte 10 of the file");
  EXPECT_EQ(refusal("{\"a\":}"), x + "header: not valid JSON at byte 13 of the file");
  EXPECT_EQ(refusal("{\"\xff\":1}"), x + "header: not valid JSON at byte 10 of the file");
  EXPECT_EQ(refusal("{}", "z"), x + "1 bytes after the data of the last tensor");
  const auto one = [&](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return refusal(R"({"q":)" + entry(dtype, shape, offsets) + "}", four);
  };
  EXPECT_EQ(one("F32", "[1]", "[0,4]"), "nothing was thrown");
  EXPECT_EQ(one("f32", "[1]", "[0,4]"), x + "tensor 'q': dtype is 'f32'; .safetensors has no such type");
  EXPECT_EQ(one("BOOL", "[4]", "[0,5]"),
            x + "tensor 'q': data_offsets [0, 5] reach beyond the data, which is 4 bytes long");
  EXPECT_EQ(one("BOOL", "[4]", "[0,3]"), x + "1 bytes after the data of the last tensor");
  EXPECT_EQ(one("F32", "[2]", "[0,4]"), x + "tensor 'q': data_offsets [0, 4] span 4 bytes; shape [2] of F32 takes 8");
  EXPECT_EQ(one("F16", "[1]", "[0,4]"), x + "tensor 'q': data_offsets [0, 4] span 4 bytes; shape [1] of F16 takes 2");
  EXPECT_EQ(one("F32", "[2]", "[0,8]"),
            x + "tensor 'q': data_offsets [0, 8] reach beyond the data, which is 4 bytes long");
  EXPECT_EQ(one("F32", "[1]", "[4,0]"), x + "tensor 'q': data_offsets [4, 0] run backwards");
  EXPECT_EQ(one("F16", "[1]", "[2,4]"), x + "tensor 'q': data_offsets [2, 4] leave a hole from 0");
  EXPECT_EQ(one("F16", "[1]", "[0,2]"), x + "2 bytes after the data of the last tensor");
  EXPECT_EQ(one("F32", "[1]", "[0]"), x + "tensor 'q': data_offsets has 1 numbers; it must have 2");
  EXPECT_EQ(one("F32", "[1]", "[0,4,4]"), x + "tensor 'q': data_offsets has 3 numbers; it must have 2");
  EXPECT_EQ(one("F32", "[1]", "[0,18446744073709551615]"),
            x + "tensor 'q': data_offsets [0, 18446744073709551615] reach beyond the data, which is 4 bytes long");
  const std::string list = "; it must be a list of two integers from 0 to 2^64 - 1";
  EXPECT_EQ(one("F32", "[1]", "[0,18446744073709551616]"),
            x + "tensor 'q': data_offsets holds the number '18446744073709551616'" + list);
  EXPECT_EQ(one("F32", "[1]", "[-4,0]"), x + "tensor 'q': data_offsets holds the negative number -4" + list);
  EXPECT_EQ(one("F32", "[1]", "[0,4.0]"), x + "tensor 'q': data_offsets holds the number '4.0'" + list);
  EXPECT_EQ(one("F32", "[1]", "\"0,4\""), x + "tensor 'q': data_offsets is text" + list);
  const std::string extents = "; it must be a list of integers from 0 to 2^63 - 1";
  EXPECT_EQ(one("F32", "[-1]", "[0,4]"), x + "tensor 'q': shape holds the negative number -1" + extents);
  EXPECT_EQ(one("F32", "[9223372036854775808]", "[0,4]"),
            x + "tensor 'q': shape holds the number '9223372036854775808'" + extents);
  EXPECT_EQ(one("F32", "[[1]]", "[0,4]"), x + "tensor 'q': shape holds a list" + extents);
  EXPECT_EQ(one("F32", "[{}]", "[0,4]"), x + "tensor 'q': shape holds an object" + extents);
  EXPECT_EQ(one("F32", "[null]", "[0,4]"), x + "tensor 'q': shape holds null" + extents);
  EXPECT_EQ(one("F32", "1", "[0,4]"), x + "tensor 'q': shape is a number" + extents);
  EXPECT_EQ(one("F32", "true", "[0,4]"), x + "tensor 'q': shape is a boolean" + extents);
  EXPECT_EQ(one("F32", "[4294967296,2147483648]", "[0,4]"),
            x + "tensor 'q': shape [4294967296, 2147483648] is too large; its bytes must number less than 2^63");
  EXPECT_EQ(one("F32", "[0,4294967296,4294967296]", "[0,0]"),
            x + "tensor 'q': shape [0, 4294967296, 4294967296] is too large; its bytes must number less than 2^63");
  std::string many = "[1";
  for (std::size_t i = 0; i < max_rank; ++i) many += ",1";
  EXPECT_EQ(one("F32", many + "]", "[0,4]"), x + "tensor 'q': shape has more than 32 extents");
  EXPECT_EQ(refusal(R"({"q":{"shape":[1],"data_offsets":[0,4]}})", four), x + "tensor 'q': 'dtype' is missing");
  EXPECT_EQ(refusal(R"({"q":{"dtype":"F32","data_offsets":[0,4]}})", four), x + "tensor 'q': 'shape' is missing");
  EXPECT_EQ(refusal(R"({"q":{"dtype":"F32","shape":[1]}})", four), x + "tensor 'q': 'data_offsets' is missing");
  EXPECT_EQ(refusal(R"({"q":{"dtype":"F32","dtype":"F32"}})"), x + "tensor 'q': 'dtype' appears twice");
  EXPECT_EQ(refusal(R"({"q":{"strides":[1]}})"),
            x + "tensor 'q': unknown key 'strides'; it must be dtype, shape or data_offsets");
  EXPECT_EQ(refusal(R"({"q":{"dtype":7}})"), x + "tensor 'q': dtype is a number; it must be text");
  EXPECT_EQ(refusal(R"({"q":{"dtype":[]}})"), x + "tensor 'q': dtype is a list; it must be text");
  EXPECT_EQ(refusal(R"({"q":[]})"), x + "tensor 'q' is a list; it must be an object");
  EXPECT_EQ(refusal(R"({"q":7})"), x + "tensor 'q' is a number; it must be an object");
  const std::string q4 = R"("q":)" + entry("F32", "[1]", "[0,4]"), tail = R"(:)" + entry("F32", "[1]", "[2,6]") + "}";
  EXPECT_EQ(refusal("{" + q4 + "," + q4 + "}", four), x + "header: 'q' appears twice");
  EXPECT_EQ(refusal("{" + q4 + R"(,"k")" + tail, four + "zz"),
            x + "tensor 'k': data_offsets [2, 6] overlap the tensor before, which ends at 4");
  EXPECT_EQ(refusal("{" + q4 + R"(,"k":)" + entry("F32", "[1]", "[0,4]") + "}", four),
            x + "tensor 'k': data_offsets [0, 4] overlap the tensor before, which ends at 4");
  EXPECT_EQ(refusal("{" + q4 + R"(,"k":)" + entry("F16", "[1]", "[6,8]") + "}", eight),
            x + "tensor 'k': data_offsets [6, 8] leave a hole from 4");
  EXPECT_EQ(refusal(R"({"__metadata__":{"a":1}})"), x + "__metadata__: 'a' is a number; it must be text");
  EXPECT_EQ(refusal(R"({"__metadata__":{"a":{}}})"), x + "__metadata__: 'a' is an object; it must be text");
  EXPECT_EQ(refusal(R"({"__metadata__":{"a":[]}})"), x + "__metadata__: 'a' is a list; it must be text");
  EXPECT_EQ(refusal(R"({"__metadata__":{"a":"1","a":"2"}})"), x + "__metadata__: 'a' appears twice");
  EXPECT_EQ(refusal(R"({"__metadata__":{},"__metadata__":{}})"), x + "header: '__metadata__' appears twice");
  EXPECT_EQ(refusal(R"({"__metadata__":"a"})"), x + "__metadata__ is text; it must be an object");
  EXPECT_EQ(refusal("{\"" + std::string(100, 'n') + "\\n\":7}"),
            x + "tensor '" + std::string(60, 'n') + "...' is a number; it must be an object");
}

TEST(Safetensors, a_deeply_nested_header_is_refused_without_exhausting_the_stack) {
  const std::string deep = "{\"q\":" + std::string(2'000'000, '[');
  EXPECT_EQ(refusal(deep), "x.safetensors: tensor 'q' is a list; it must be an object");
}

TEST(Safetensors, names_that_cannot_be_written_are_refused_and_the_old_file_stays) {
  const TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  write_text(path, "old");
  const NamedTensor q("q", ElementType::f32, {0}, {});
  const auto refusal_of = [&](const std::vector<NamedTensor>& tensors,
                              std::map<std::string, std::string> metadata = {}) {
    return error_of([&] { write_safetensors(path, tensors, metadata); });
  };
  EXPECT_EQ(refusal_of({q, q}), path.string() + ": two tensors are named 'q'");
  EXPECT_EQ(refusal_of({q.renamed("__metadata__")}),
            path.string() + ": a tensor is named '__metadata__', which the format reserves");
  EXPECT_EQ(refusal_of({q.renamed("\xff")}), path.string() + ": a tensor's name or the metadata is not valid UTF-8");
  EXPECT_EQ(refusal_of({q}, {{"a", "\xff"}}), path.string() + ": a tensor's name or the metadata is not valid UTF-8");
  EXPECT_EQ(read_text(path), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"x.safetensors"});
}

}  // namespace
}  // namespace llsa::files
