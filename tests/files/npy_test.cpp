#include "files/npy.hpp"

#include <gtest/gtest.h>

#include "support.hpp"
#include "tensor_generators.hpp"

namespace llsa::files {
namespace {

using namespace testing;

const std::vector<ElementType> npy_types = {ElementType::f16, ElementType::f32, ElementType::f64, ElementType::i32,
                                            ElementType::i64};

NamedTensor parse(const std::string& file) { return parse_npy(bytes_of(file), "x.npy"); }
std::string refusal(const std::string& file) {
  return error_of([&] { parse(file); });
}
std::string dictionary(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

RC_GTEST_PROP(Npy, what_is_written_is_read_back_bit_for_bit, ()) {
  static const TemporaryFolder folder;
  const NamedTensor tensor = *tensors("array", npy_types);
  write_npy(folder / "array.npy", tensor);
  RC_ASSERT(read_npy(folder / "array.npy") == tensor);
  RC_ASSERT(folder.names() == std::vector<std::string>{"array.npy"});
}

TEST(Npy, the_bytes_written_are_those_that_numpy_writes) {
  const TemporaryFolder folder;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const auto header = [](const std::string& dict) {
    return "\x93NUMPY" + std::string("\x01\x00\x76\x00", 4) + dict + std::string(117 - dict.size(), ' ') + "\n";
  };
  const std::string data = read_text(folder / "none") + std::string(reinterpret_cast<const char*>(values.data()), 24);
  write_npy(folder / "x.npy", NamedTensor("x", {2, 3}, std::span<const float>(values)));
  EXPECT_EQ(read_text(folder / "x.npy"), header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }") + data);
  write_npy(folder / "x.npy", NamedTensor("x", {6}, std::span<const float>(values)));
  EXPECT_EQ(read_text(folder / "x.npy"), header("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }") + data);
  write_npy(folder / "x.npy", NamedTensor("x", {}, std::span<const float>(values).first(1)));
  EXPECT_EQ(read_text(folder / "x.npy"),
            header("{'descr': '<f4', 'fortran_order': False, 'shape': (), }") + data.substr(0, 4));
}

TEST(Npy, data_begin_at_a_multiple_of_64_bytes_for_any_rank) {
  const TemporaryFolder folder;
  for (std::size_t rank = 0; rank <= max_rank; ++rank) {
    const NamedTensor tensor("x", ElementType::i64, std::vector<std::int64_t>(rank, 1), std::vector<std::byte>(8));
    write_npy(folder / "x.npy", tensor);
    EXPECT_EQ((read_text(folder / "x.npy").size() - 8) % 64, 0u) << rank;
    EXPECT_EQ(read_npy(folder / "x.npy"), tensor);
  }
}

TEST(Npy, all_three_versions_are_read) {
  for (const int major : {1, 2, 3}) {
    const NamedTensor tensor = parse(npy_file(dictionary("<i4", "(2,)"), little(7, 4) + little(~0ull, 4), major));
    EXPECT_EQ(tensor.integers(), (std::vector<std::int64_t>{7, -1})) << major;
    EXPECT_EQ(tensor.name(), "x");
  }
}

TEST(Npy, the_dictionary_may_be_spelled_as_python_allows) {
  for (const char* text : {"{'shape':(1,),'fortran_order':False,'descr':'<i4'}",
                           "{\"descr\":\"<i4\", 'shape' : ( 1 , ),"
                           "\t'fortran_order' : False , }   ",
                           " { 'fortran_order': False, 'shape': (1,), 'descr': '<i4' }"})
    EXPECT_EQ(parse(npy_file(text, little(5, 4))).integers(), std::vector<std::int64_t>{5}) << text;
}

TEST(Npy, every_malformed_file_is_refused_with_one_line_that_says_what_and_where) {
  const std::string four(4, '\0'), good = npy_file(dictionary("<f4", "(1,)"), four);
  const std::string types = "it must be '<f2', '<f4', '<f8', '<i4', '<i8' or '<V2' (bfloat16)";
  EXPECT_EQ(refusal(""), "x.npy: not a .npy file: it must begin with \\x93NUMPY");
  EXPECT_EQ(refusal("\x93NUMPX\x01"), "x.npy: not a .npy file: it must begin with \\x93NUMPY");
  EXPECT_EQ(refusal("\x93NUMPY"), "x.npy: ends at byte 6, within the 2 bytes expected at byte 6");
  EXPECT_EQ(refusal(good.substr(0, 9)), "x.npy: ends at byte 9, within the 2 bytes expected at byte 8");
  EXPECT_EQ(refusal(npy_file(dictionary("<f4", "(1,)"), four, 4)),
            "x.npy: .npy version 4.0; 1.0, 2.0 and 3.0 are read");
  EXPECT_EQ(refusal(npy_file(dictionary("<f4", "(1,)"), four, 0)),
            "x.npy: .npy version 0.0; 1.0, 2.0 and 3.0 are read");
  EXPECT_EQ(refusal(std::string(good).replace(7, 1, "\x01")), "x.npy: .npy version 1.1; 1.0, 2.0 and 3.0 are read");
  EXPECT_EQ(refusal(std::string(good).replace(8, 2, "\xff\xff")),
            "x.npy: the header claims 65535 bytes from byte 10; the file has 72 bytes");
  EXPECT_EQ(refusal(good + "z"), "x.npy: 5 bytes of data from byte 68; shape [1] of F32 takes 4");
  EXPECT_EQ(refusal(good.substr(0, 71)), "x.npy: 3 bytes of data from byte 68; shape [1] of F32 takes 4");
  const auto of = [&](const std::string& dict) { return refusal(npy_file(dict, four)); };
  EXPECT_EQ(of(dictionary(">f4", "(1,)")), "x.npy: header: 'descr' is '>f4' (big-endian); " + types);
  EXPECT_EQ(of(dictionary("<f3", "(1,)")), "x.npy: header: 'descr' is '<f3'; " + types);
  EXPECT_EQ(of(dictionary("|u1", "(1,)")), "x.npy: header: 'descr' is '|u1'; " + types);
  EXPECT_EQ(of(dictionary("f4", "(1,)")), "x.npy: header: 'descr' is 'f4'; " + types);
  EXPECT_EQ(of(dictionary("a\nb", "(1,)")), "x.npy: header: 'descr' is 'a\\x0ab'; " + types);
  EXPECT_EQ(of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"),
            "x.npy: header: 'descr' is a list (a structured type); " + types);
  EXPECT_EQ(of(dictionary("<f4", "(1,)", "True")),
            "x.npy: header: 'fortran_order' is True; only C order is read: save numpy.ascontiguousarray(array)");
  EXPECT_EQ(of(dictionary("<f4", "(1,)", "0")), "x.npy: header: byte 34: expected True or False, found '0'");
  EXPECT_EQ(of(dictionary("<f4", "(-1,)")), "x.npy: header: byte 51: an extent of 'shape' is negative");
  EXPECT_EQ(of(dictionary("<f4", "(9223372036854775808,)")),
            "x.npy: header: byte 51: an extent of 'shape' exceeds 2^63 - 1");
  EXPECT_EQ(of(dictionary("<f4", "(2305843009213693952,)")),
            "x.npy: shape [2305843009213693952] is too large; its bytes must number less than 2^63");
  EXPECT_EQ(of(dictionary("<f4", "(0, 4294967296, 4294967296)")),
            "x.npy: shape [0, 4294967296, 4294967296] is too large; its bytes must number less than 2^63");
  EXPECT_EQ(of(dictionary("<f4", "(1)")),
            "x.npy: header: byte 52: expected ',' after the only extent of a tuple, found ')'");
  EXPECT_EQ(of(dictionary("<f4", "(1, 2")), "x.npy: header: byte 57: expected an extent, found '}'");
  EXPECT_EQ(of(dictionary("<f4", "(1.0,)")),
            "x.npy: header: byte 52: expected ',' after the only extent of a tuple, found '.'");
  EXPECT_EQ(of(dictionary("<f4", "[1]")), "x.npy: header: byte 50: expected '(', found '['");
  std::string many = "(";
  for (std::size_t i = 0; i <= max_rank; ++i) many += "1,";
  EXPECT_EQ(of(dictionary("<f4", many + ")")), "x.npy: header: byte 115: expected at most 32 extents, found '1'");
  EXPECT_EQ(of("{'descr': '<f4', 'shape': (1,)}"), "x.npy: header: 'fortran_order' is missing");
  EXPECT_EQ(of("{'fortran_order': False, 'shape': (1,)}"), "x.npy: header: 'descr' is missing");
  EXPECT_EQ(of("{'descr': '<f4', 'fortran_order': False}"), "x.npy: header: 'shape' is missing");
  EXPECT_EQ(of("{}"), "x.npy: header: 'descr' is missing");
  EXPECT_EQ(of("{'descr': '<f4', 'descr': '<f4'}"), "x.npy: header: 'descr' appears twice");
  EXPECT_EQ(of("{'shape': (), 'shape': ()}"), "x.npy: header: 'shape' appears twice");
  EXPECT_EQ(of("{'fortran_order': False, 'fortran_order': False}"), "x.npy: header: 'fortran_order' appears twice");
  EXPECT_EQ(of("{'order': 'C'}"), "x.npy: header: unknown key 'order'; it must be 'descr', 'fortran_order' or 'shape'");
  EXPECT_EQ(of("{descr: '<f4'}"), "x.npy: header: byte 1: expected a string in quotes, found 'd'");
  EXPECT_EQ(of("{'descr"), "x.npy: header: byte 1: expected a string that ends, found '\\''");
  EXPECT_EQ(of("{'descr' '<f4'}"), "x.npy: header: byte 9: expected ':', found '\\''");
  EXPECT_EQ(of("{'descr': '<f4' 'shape': ()}"), "x.npy: header: byte 16: expected '}', found '\\''");
  EXPECT_EQ(of("import os"), "x.npy: header: byte 0: expected '{', found 'i'");
  EXPECT_EQ(of(dictionary("<f4", "(1,)") + " more"),
            "x.npy: header: byte 58: expected spaces and one newline, found 'm'");
  EXPECT_EQ(refusal("\x93NUMPY" + std::string("\x01\x00\x00\x00", 4)),
            "x.npy: header: byte 0: expected '{', found the end");
  const std::string no_newline = dictionary("<f4", "(1,)");
  EXPECT_EQ(refusal("\x93NUMPY" + little(1, 2) + little(no_newline.size(), 2) + no_newline + four),
            "x.npy: header: it must end with a newline");
}

TEST(Npy, long_integers_of_python_2_are_read) {
  EXPECT_EQ(parse(npy_file(dictionary("<i4", "(2L, 1L)"), little(5, 4) + little(6, 4))).shape(),
            (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(refusal(npy_file(dictionary("<i4", "(2l,)"), little(5, 8))),
            "x.npy: header: byte 52: expected ',' after the only extent of a tuple, found 'l'");
}

TEST(Npy, two_void_bytes_are_bfloat16_as_numpy_saves_it) {
  for (const char* type : {"<V2", "|V2"}) {
    const NamedTensor tensor = parse(npy_file(dictionary(type, "(2,)"), little(0x3fc0, 2) + little(0xc000, 2)));
    EXPECT_EQ(tensor.type(), ElementType::bf16);
    EXPECT_EQ(tensor.numbers(), (std::vector<double>{1.5, -2}));
  }
  EXPECT_NE(refusal(npy_file(dictionary("<V4", "(1,)"), little(0, 4))), "nothing was thrown");
}

TEST(Npy, other_kinds_of_files_are_named_with_what_to_do) {
  const std::string zip = "PK\3\4" + std::string(26, '\0');
  EXPECT_EQ(refusal(zip + "q.npy"),
            "x.npy: is a .npz archive; save each array with numpy.save, or all of them with "
            "safetensors.numpy.save_file");
  EXPECT_EQ(refusal(zip + "model/data.pkl"),
            "x.npy: is a .pt file of PyTorch; save the tensors with safetensors.torch.save_file");
  EXPECT_EQ(refusal(zip + "a.txt"), "x.npy: is a ZIP archive; unpack it first");
  EXPECT_NE(refusal("\x80\x02}q").find("is a Python pickle"), std::string::npos);
  EXPECT_EQ(refusal("\x1f\x8b\x08"), "x.npy: is compressed with gzip; decompress it first");
}

TEST(Npy, bfloat16_is_refused_and_nothing_is_written) {
  const TemporaryFolder folder;
  const NamedTensor tensor("x", ElementType::bf16, {1}, std::vector<std::byte>(2));
  EXPECT_EQ(error_of([&] { write_npy(folder / "x.npy", tensor); }),
            (folder / "x.npy").string() + ": .npy has no BF16; it holds F16, F32, F64, I32 or I64");
  EXPECT_TRUE(folder.names().empty());
}

TEST(Npy, a_file_that_is_not_there_or_not_a_file_is_an_error) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { read_npy(folder / "no.npy"); }),
            (folder / "no.npy").string() + ": cannot be opened: No such file or directory");
  EXPECT_EQ(error_of([&] { read_npy(folder.path()); }), folder.path().string() + ": is not a regular file");
}

}  // namespace
}  // namespace llsa::files
