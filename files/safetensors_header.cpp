#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "files/safetensors_format.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::files {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::array all_types{ElementType::f16, ElementType::bf16, ElementType::f32,
                               ElementType::f64, ElementType::i32,  ElementType::i64};

/// Types of the format that nothing here computes with; tensors of these are passed over.
constexpr std::array<std::string_view, 18> unread_types{
    "BOOL",        "F4",          "F6_E2M3", "F6_E3M2", "U8",  "I8",  "F8_E5M2", "F8_E4M3", "F8_E8M0",
    "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16",     "U16",     "U32", "U64", "C64",     "U4",      "I4"};

/// Follows the JSON event by event: a parsed document would have forgotten that a key came twice.
class HeaderReader final : public Json::json_sax_t {
 public:
  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (in_list_ || depth_ == 2) reject("an object");
    ++depth_;
    fields_.clear();
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && !in_metadata_)
      for (const char* field : {"dtype", "shape", "data_offsets"})
        if (!fields_.contains(field)) throw Error(fmt::format("{}: '{}' is missing", place(), field));
    return true;
  }
  bool key(std::string& key) override {
    if (depth_ == 1) {
      if (!names_.insert(key).second) throw Error(fmt::format("header: {} appears twice", quote(key)));
      in_metadata_ = key == "__metadata__";
      if (!in_metadata_) header_.entries.emplace_back().name = key;
    } else {
      if (!fields_.insert(key).second) throw Error(fmt::format("{}: {} appears twice", place(), quote(key)));
      if (!in_metadata_ && key != "dtype" && key != "shape" && key != "data_offsets")
        throw Error(fmt::format("{}: unknown key {}; it must be dtype, shape or data_offsets", place(), quote(key)));
      field_ = key;
    }
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ == 2 && in_metadata_)
      header_.metadata[field_] = text;
    else if (depth_ == 2 && field_ == "dtype")
      take_type(text);
    else
      reject("text");
    return true;
  }
  bool start_array(std::size_t) override {
    if (in_list_ || depth_ != 2 || in_metadata_ || field_ == "dtype") reject("a list");
    in_list_ = true;
    offsets_ = 0;
    return true;
  }
  bool end_array() override {
    in_list_ = false;
    if (field_ == "data_offsets" && offsets_ != 2)
      throw Error(fmt::format("{}: data_offsets has {} numbers; it must have 2", place(), offsets_));
    return true;
  }
  bool number_unsigned(std::uint64_t number) override {
    if (!in_list_) reject("a number");
    if (field_ == "shape")
      add_extent(number);
    else
      add_offset(number);
    return true;
  }
  bool number_integer(std::int64_t number) override { reject(fmt::format("the negative number {}", number)); }
  bool number_float(double, const std::string& text) override { reject("the number " + quote(text)); }
  bool null() override { reject("null"); }
  bool boolean(bool) override { reject("a boolean"); }
  bool binary(Json::binary_t&) override { reject("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw Error(fmt::format("header: not valid JSON at byte {} of the file", position + 7));
  }

 private:
  SafetensorsEntry& entry() { return header_.entries.back(); }

  std::string place() const {
    if (depth_ == 0) return "header";
    return in_metadata_ ? "__metadata__" : "tensor " + quote(header_.entries.back().name);
  }

  [[noreturn]] void reject(const std::string& found) const {
    if (depth_ == 2 && in_metadata_)
      throw Error(fmt::format("__metadata__: {} is {}; it must be text", quote(field_), found));
    if (depth_ < 2) throw Error(fmt::format("{} is {}; it must be an object", place(), found));
    throw Error(fmt::format("{}: {} {} {}; it must be {}", place(), field_, in_list_ ? "holds" : "is", found,
                            field_ == "dtype"   ? "text"
                            : field_ == "shape" ? "a list of integers from 0 to 2^63 - 1"
                                                : "a list of two integers from 0 to 2^64 - 1"));
  }

  void take_type(const std::string& text) {
    entry().type.reset();
    for (const ElementType type : all_types)
      if (text == name_of(type)) entry().type = type;
    if (entry().type) return;
    if (std::ranges::count(unread_types, text) == 0)
      throw Error(fmt::format("{}: dtype is {}; .safetensors has no such type", place(), quote(text)));
    entry().type_name = text;
  }
  void add_extent(std::uint64_t number) {
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      reject(fmt::format("the number '{}'", number));
    if (entry().shape.size() == max_rank)
      throw Error(fmt::format("{}: shape has more than {} extents", place(), max_rank));
    entry().shape.push_back(static_cast<std::int64_t>(number));
  }
  void add_offset(std::uint64_t number) {
    if (offsets_ < 2) (offsets_ == 0 ? entry().begin : entry().end) = number;
    ++offsets_;
  }

  SafetensorsHeader header_;
  std::set<std::string> names_, fields_;  // the keys seen on depth 1 and, of the present object, on depth 2
  std::string field_;
  int depth_ = 0, offsets_ = 0;
  bool in_metadata_ = false, in_list_ = false;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json) {
  HeaderReader reader;
  Json::sax_parse(json.begin(), json.end(), &reader);
  return reader.take();
}

std::string format_safetensors_header(const SafetensorsHeader& header) {
  Json json = Json::object();
  if (!header.metadata.empty()) json["__metadata__"] = header.metadata;
  for (const SafetensorsEntry& entry : header.entries)
    json[entry.name] = {
        {"dtype", name_of(*entry.type)}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
  try {
    return json.dump();
  } catch (const Json::exception&) {
    throw Error("a tensor's name or the metadata is not valid UTF-8");
  }
}

}  // namespace llsa::files
