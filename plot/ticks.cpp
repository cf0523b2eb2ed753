#include "plot/ticks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace llsa::plot {
namespace {

std::string superscript(int exponent) {
  static constexpr const char* digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string result = exponent < 0 ? "⁻" : "";
  for (const char c : std::to_string(std::abs(exponent))) result += digits[c - '0'];
  return result;
}

std::string group_thousands(std::string text) {
  const std::size_t end = std::min(text.find('.'), text.size());
  const std::size_t begin = text.front() == '-' ? 1 : 0;
  for (std::size_t i = end; i > begin + 3;) text.insert(i -= 3, ",");
  return text;
}

/// `decimals` digits after the point, none of them a trailing zero.
std::string format_fixed(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", value, std::max(decimals, 0));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return group_thousands(text == "-0" ? "0" : text);
}

std::vector<Tick> linear_ticks(const ValueRange& range, int count) {
  const double rough = (range.high() - range.low()) / std::max(count, 1);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * power >= rough * 0.999) step = factor * power;
  const double slack = 1e-9 * step;
  std::vector<Tick> result;
  const auto first = static_cast<long long>(std::ceil((range.low() - slack) / step));
  for (long long i = first; static_cast<double>(i) * step <= range.high() + slack; ++i) {
    const double value = static_cast<double>(i) * step;
    const double largest = std::max(std::abs(range.low()), std::abs(range.high()));
    const int exponent = static_cast<int>(std::floor(std::log10(step) + 1e-9));
    const bool plain = largest < 1e6 && largest >= 1e-3;
    const int digits = i == 0 ? 1 : static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9)) - exponent + 1;
    result.push_back({value, plain ? format_fixed(value, -exponent) : format_value(value, digits)});
  }
  return result;
}

std::vector<Tick> log_ticks(const ValueRange& range, int count) {
  const double decades = std::log10(range.high() / range.low());
  if (decades < 0.7) return linear_ticks(range, count);
  const int first = static_cast<int>(std::floor(std::log10(range.low()) - 1e-9));
  const int last = static_cast<int>(std::ceil(std::log10(range.high()) + 1e-9));
  const int every = std::max(1, static_cast<int>(std::ceil(decades / std::max(count, 1) - 1e-9)));
  std::vector<Tick> result;
  for (int exponent = first; exponent <= last; ++exponent) {
    for (int factor = 1; factor <= 9; ++factor) {
      const double value = factor * std::pow(10, exponent);
      if (value < range.low() * (1 - 1e-9) || value > range.high() * (1 + 1e-9)) continue;
      const bool decade = factor == 1 && exponent % every == 0;
      const bool between = decades < 2.5 && (factor == 2 || factor == 5);
      if (decade || between) {
        result.push_back({value, format_value(value, 1)});
      } else if (every == 1 || factor == 1) {
        result.push_back({value, ""});
      }
    }
  }
  return result;
}

}  // namespace

std::string format_value(double value, int digits) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "∞" : "-∞";
  if (value == 0) return "0";
  digits = std::max(digits, 1);
  // Rounded first, so that 9.999 counts as 10.
  const double rounded = std::stod(fmt::format("{:.{}e}", value, digits - 1));
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(rounded)) + 1e-12));
  if (exponent >= -3 && exponent < 6) return format_fixed(rounded, digits - 1 - exponent);
  const std::string mantissa = format_fixed(rounded / std::pow(10, exponent), digits - 1);
  const std::string power = "10" + superscript(exponent);
  if (mantissa == "1") return power;
  if (mantissa == "-1") return "-" + power;
  return mantissa + "×" + power;
}

std::string format_count(std::int64_t value) { return group_thousands(std::to_string(value)); }

std::vector<Tick> ticks(const ValueRange& range, int count) {
  return range.scale() == AxisScale::log ? log_ticks(range, count) : linear_ticks(range, count);
}

}  // namespace llsa::plot
