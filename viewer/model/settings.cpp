#include "viewer/model/settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "llsa/error.hpp"

namespace llsa::viewer {
namespace {

using nlohmann::json;

template <class T>
json optional_json(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

template <class T>
void read(const json& from, const char* name, T& into) {
  const auto found = from.find(name);
  if (found == from.end()) return;
  try {
    found->get_to(into);
  } catch (const json::exception&) {
    throw Error(fmt::format("settings: \"{}\" is {}, which has the wrong type", name, found->dump()));
  }
}

template <class T>
void read(const json& from, const char* name, std::optional<T>& into) {
  const auto found = from.find(name);
  if (found == from.end()) return;
  if (found->is_null()) {
    into.reset();
    return;
  }
  T value{};
  read(from, name, value);
  into = value;
}

}  // namespace

json to_json(const Settings& settings) {
  const Options& o = settings.how.options;
  return {{"set", settings.set},
          {"batch", settings.batch},
          {"head", settings.head},
          {"order", settings.how.order},
          {"method", settings.how.method},
          {"backend", settings.backend},
          {"block_size", o.block_size},
          {"levels", optional_json(o.levels)},
          {"top_k", o.top_k},
          {"enrichment_levels", optional_json(o.enrichment_levels)},
          {"reweight", o.reweight},
          {"coverage", std::string(name_of(o.coverage))},
          {"scale", optional_json(o.scale)}};
}

Settings settings_from(const json& from) {
  if (!from.is_object()) throw Error("settings: expected an object, found " + std::string(from.type_name()));
  Settings settings;
  Options& o = settings.how.options;
  std::string coverage(name_of(o.coverage));
  read(from, "set", settings.set);
  read(from, "batch", settings.batch);
  read(from, "head", settings.head);
  read(from, "order", settings.how.order);
  read(from, "method", settings.how.method);
  check_method(settings.how.method);
  read(from, "backend", settings.backend);
  read(from, "block_size", o.block_size);
  read(from, "levels", o.levels);
  read(from, "top_k", o.top_k);
  read(from, "enrichment_levels", o.enrichment_levels);
  read(from, "reweight", o.reweight);
  read(from, "coverage", coverage);
  read(from, "scale", o.scale);
  o.coverage = coverage_from(coverage);
  return settings;
}

bool same(const Settings& a, const Settings& b) { return to_json(a) == to_json(b); }

bool same(const AttentionChoice& a, const AttentionChoice& b) {
  Settings left, right;
  left.how = a;
  right.how = b;
  return same(left, right);
}

std::string_view panels_note(std::string_view method) {
  if (method == "vsa") return "panels: the top-K branch; the head's error: both branches, gates one";
  if (method == "sla") return "panels: the top-K branch; without a trained projection the linear one adds nothing";
  return "";
}

std::string describe(const Settings& settings) {
  return (settings.backend == "reference" ? "" : settings.backend + ", ") + describe(settings.how);
}

std::string describe(const AttentionChoice& how) {
  const Options o = method_options(how.method, how.options);
  if (o.levels == 0) return "dense";
  std::string text = how.method == "llsa" ? "" : how.method + ", ";
  text += fmt::format("B {}, L {}, K {}", o.block_size, o.levels ? std::to_string(*o.levels) : "auto",
                      fmt::join(o.top_k, ","));
  if (o.enrichment_levels) text += fmt::format(", Le {}", *o.enrichment_levels);
  text += fmt::format(", {}", name_of(o.coverage));
  if (!o.reweight && o.enrichment_levels != 0) text += ", no reweighting";
  if (!how.order.empty()) text += ", " + how.order;
  return text;
}

}  // namespace llsa::viewer
