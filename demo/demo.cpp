#include "demo/demo.hpp"

#include <fmt/format.h>

#include <charconv>

#include "backends/backends.hpp"
#include "datasets/procedural.hpp"
#include "demo/capture.hpp"
#include "demo/figures.hpp"
#include "demo/methods.hpp"
#include "demo/model_captures.hpp"
#include "demo/report.hpp"
#include "files/atomic_file.hpp"
#include "files/image.hpp"
#include "files/make_folder.hpp"
#include "llsa/error.hpp"

namespace llsa::demo {
namespace {

constexpr int smallest_size = 8, largest_size = 1024;
constexpr std::size_t most_queries = 9, most_captures = 9;

void check(const DemoOptions& options) {
  validate(options.projection);
  if (options.size < smallest_size || options.size > largest_size)
    throw Error(fmt::format("size is {}; it must be {} to {}", options.size, smallest_size, largest_size));
  if (options.top_k < 1) throw Error(fmt::format("top-k is {}; it must be at least 1", options.top_k));
  if (options.queries.size() > most_queries)
    throw Error(
        fmt::format("{} query pixels were given; at most {} are allowed", options.queries.size(), most_queries));
  if (options.captures.size() > most_captures)
    throw Error(fmt::format("{} captures were given; at most {} are allowed", options.captures.size(), most_captures));
  if (options.captures.empty() != options.capture_picture.empty())
    throw Error("a capture and the picture of its tokens belong together; give both or neither");
  if (!options.checkpoint.empty() && !options.captures.empty())
    throw Error("captures and a checkpoint were given; give one of them");
  for (const datasets::Pixel& pixel : options.queries)
    if (pixel.row < 0 || pixel.row >= options.size || pixel.column < 0 || pixel.column >= options.size)
      throw Error(fmt::format("query pixel is {},{}; row and column must be 0 to {}", pixel.row, pixel.column,
                              options.size - 1));
}

struct Source {
  files::Image picture;
  std::string description;
};

Source load_picture(const DemoOptions& options) {
  const int size = options.size;
  if (options.image.empty())
    return {datasets::landscape(size, size, options.projection.seed),
            fmt::format("A procedural landscape (seed {}).", options.projection.seed)};
  const files::Image original = files::read_image(options.image);
  return {files::resize_and_crop(original, size, size),
          fmt::format("`{}` ({} x {} pixels): the largest centred square of it, resampled to {} x {}.",
                      options.image.filename().string(), original.width, original.height, size, size)};
}

struct LoadedCaptures {
  std::vector<Capture> shown, forming;
};

/// Those that were given, or what a checkpoint's layers see; none without either.
LoadedCaptures load_captures(const DemoOptions& options, std::stop_token stop,
                             const std::function<void(const std::string&)>& print) {
  ModelCaptures from{options.captures, options.capture_picture, {}};
  if (!options.checkpoint.empty())
    from = capture_model(options.checkpoint, options.label, options.output / "captures", options.threads, stop, print);
  LoadedCaptures captures;
  for (const auto& file : from.tensors) captures.shown.push_back(read_capture(file, from.picture));
  for (const CaptureFiles& files : from.forming) captures.forming.push_back(read_capture(files.tensors, files.picture));
  return captures;
}

void draw_capture(const std::filesystem::path& folder, std::size_t number, const CaptureResult& result,
                  ThreadPool& threads) {
  const Capture& capture = *result.capture;
  const auto key = reference::pool(capture.tokens.key.cview(), result.results[captured_llsa].options.key, threads);
  const QueryContext context{capture.picture, capture.tokens, capture.order, key};
  draw_selection(folder / capture_selection_file(number), context, result.results[captured_llsa], result.head,
                 result.query);
  draw_attention(folder / capture_attention_file(number), context, result.results,
                 {captured_llsa, captured_other_coverage, captured_blocks_only}, result.head, result.query);
}

}  // namespace

datasets::Pixel parse_pixel(const std::string& text) {
  datasets::Pixel pixel;
  const char* end = text.data() + text.size();
  const auto row = std::from_chars(text.data(), end, pixel.row);
  if (row.ec == std::errc{} && row.ptr != end && *row.ptr == ',') {
    const auto column = std::from_chars(row.ptr + 1, end, pixel.column);
    if (column.ec == std::errc{} && column.ptr == end) return pixel;
  }
  throw Error("query is '" + text + "'; it must be ROW,COLUMN, for example 100,30");
}

void run_demo(const DemoOptions& options, std::stop_token stop, const std::function<void(const std::string&)>& print) {
  check(options);
  ThreadPool threads(options.threads);
  threads.set_stop_token(stop);
  const auto attention = make_attention<float>(options.backend, threads);
  const Source source = load_picture(options);
  const LoadedCaptures loaded = load_captures(options, stop, print);
  const std::vector<Capture>& captures = loaded.shown;
  const files::Image& picture = source.picture;
  print(source.description);

  const TokenOrder order = morton_order({1, picture.height, picture.width});
  const datasets::Features features = datasets::local_features(picture);
  const datasets::PixelTokens tokens = datasets::project(picture, features, order, options.projection);
  print(fmt::format("{} tokens, {} heads of dimension {}, {} threads", order.size(), options.projection.heads,
                    options.projection.head_dim, threads.threads()));

  const auto methods = methods_to_compare(order.size(), options.top_k);
  std::size_t number = 0;
  ReportContents contents{.picture_source = source.description,
                          .backend = options.backend,
                          .width = picture.width,
                          .height = picture.height,
                          .threads = threads.threads(),
                          .projection = options.projection,
                          .top_k = options.top_k,
                          .queries = options.queries.empty() ? distinct_pixels(features, 3) : options.queries};
  contents.results = run_methods(tokens, methods, *attention, threads, [&](const std::string& name) {
    print(fmt::format("[{}/{}] {}", ++number, methods.size(), name));
  });
  for (const Capture& capture : captures)
    contents.captures.push_back(compare_methods(capture, *attention, threads,
                                                [&](const std::string& name) { print(capture.name + ": " + name); }));
  contents.scaling = measure_scaling(picture, options.projection, options.top_k, *attention, threads,
                                     [&](const std::string& size) { print("scaling: " + size); });

  const double dense_seconds = contents.results[dense_method].seconds;
  for (ScalingPoint& point : contents.scaling)
    if (point.tokens == order.size() && point.dense.empty())
      point.dense = {dense_seconds / static_cast<double>(options.projection.heads)};

  print("drawing");
  files::make_folder(options.output);
  const auto path = [&](const std::string& name) { return options.output / name; };
  const auto key = reference::pool(tokens.key.cview(), contents.results[two_levels].options.key, threads);
  const QueryContext context{picture, tokens, order, key};
  files::write_png(path(picture_file), picture);
  for (std::size_t i = 0; i < contents.queries.size(); ++i) {
    draw_selection(path(selection_file(i + 1)), context, contents.results[two_levels], shown_head, contents.queries[i]);
    draw_attention(path(attention_file(i + 1)), context, contents.results, {one_level, two_levels, two_levels_disjoint},
                   shown_head, contents.queries[i]);
    if (stop.stop_requested()) throw Cancelled();
  }
  for (std::size_t i = 0; i < captures.size(); ++i) draw_capture(options.output, i + 1, contents.captures[i], threads);
  if (!loaded.forming.empty()) {
    const CaptureResult& middle = contents.captures[captures.size() / 2];
    draw_forming(path(forming_file), loaded.forming, middle.head, middle.query, threads);
    contents.shows_forming = true;
  }
  draw_outputs(path(outputs_file), context, contents.results, options.projection);
  draw_errors(path(errors_file), context, contents.results);
  draw_scaling(path(scaling_file), contents.scaling);
  files::write_file_atomically(path(report_file), report(contents));

  print("\n" + results_table(contents.results));
  if (!captures.empty()) print(captures_table(contents));
  print(scaling_table(contents.scaling));
  print("wrote " + path(report_file).string() + " and the pictures that it shows");
}

}  // namespace llsa::demo
