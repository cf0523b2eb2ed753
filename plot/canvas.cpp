#include "plot/canvas.hpp"

#include <cairo-svg.h>
#include <cairo.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numbers>

#include "files/atomic_file.hpp"
#include "llsa/error.hpp"

namespace llsa::plot {
namespace {

using Surface = std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)>;
using Context = std::unique_ptr<cairo_t, decltype(&cairo_destroy)>;

Surface own(cairo_surface_t* surface) { return {surface, cairo_surface_destroy}; }

void check(cairo_status_t status, const char* what) {
  if (status != CAIRO_STATUS_SUCCESS) throw Error(fmt::format("{}: {}", what, cairo_status_to_string(status)));
}

cairo_status_t append(void* closure, const unsigned char* data, unsigned length) {
  static_cast<std::string*>(closure)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

std::string ending(const std::filesystem::path& path) {
  std::string result = path.extension().string();
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

Surface image_surface(int width, int height) {
  Surface surface = own(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
  check(cairo_surface_status(surface.get()), "cannot make an image");
  return surface;
}

std::uint32_t* row_of(cairo_surface_t* surface, int y) {
  return reinterpret_cast<std::uint32_t*>(cairo_image_surface_get_data(surface) +
                                          static_cast<std::ptrdiff_t>(y) * cairo_image_surface_get_stride(surface));
}

/// Each pixel repeated `factor` times both ways: viewers of SVG may blur what they enlarge themselves.
Surface upload(const Image& image, int factor) {
  Surface surface = image_surface(image.width * factor, image.height * factor);
  for (int y = 0; y < image.height * factor; ++y) {
    std::uint32_t* row = row_of(surface.get(), y);
    for (int x = 0; x < image.width * factor; ++x) {
      const Rgb c = pixel(image, x / factor, y / factor);
      row[x] = static_cast<std::uint32_t>(c.r) << 16 | static_cast<std::uint32_t>(c.g) << 8 | c.b;
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

// Words of a scene.

/// To a tenth. Halves, which layouts are full of, do not depend on the last place of a sum.
std::string number(double value) {
  const double rounded = std::floor(value * 10 + 0.5 + 1e-5) / 10;
  return fmt::format("{:g}", rounded == 0 ? 0.0 : rounded);  // not -0
}
std::string word(Point p) { return number(p.x) + "," + number(p.y); }
std::string word(const Rect& r) {
  return fmt::format("{} {}x{}", word(Point{r.x, r.y}), number(r.width), number(r.height));
}
std::string word(const Color& c) {
  const auto byte = [](double part) { return static_cast<int>(std::lround(255 * part)); };
  const std::string rgb = fmt::format("#{:02x}{:02x}{:02x}", byte(c.r), byte(c.g), byte(c.b));
  return c.a == 1 ? rgb : fmt::format("{}/{:.2f}", rgb, c.a);
}
std::string word(const Stroke& s) {
  std::string text = fmt::format("{} width {:g}", word(s.color), s.width);
  for (const double dash : s.dashes) text += fmt::format("{}{:g}", &dash == &s.dashes.front() ? " dashes " : ",", dash);
  return text;
}
std::string word(std::span<const Point> points) {
  std::string text;
  for (const Point& p : points) text += (text.empty() ? "" : " ") + word(p);
  return text;
}
std::string word(std::span<const std::vector<Point>> contours) {
  std::string text;
  for (const std::vector<Point>& contour : contours) text += (text.empty() ? "" : " | ") + word(std::span(contour));
  return text;
}
std::string word(const TextStyle& s) {
  constexpr const char* horizontal[] = {"left", "center", "right"};
  constexpr const char* vertical[] = {"top", "middle", "baseline", "bottom"};
  return fmt::format("{} {:g}{}{} {} {}", word(s.color), s.size, s.bold ? " bold" : "", s.upwards ? " upwards" : "",
                     horizontal[static_cast<int>(s.horizontal)], vertical[static_cast<int>(s.vertical)]);
}
/// The extent and, coarsely, the mean colour, which rounding elsewhere does not move.
std::string word(const Image& image) {
  double sum[3] = {};
  for (std::size_t i = 0; i < image.rgb.size(); ++i) sum[i % 3] += image.rgb[i];
  const double pixels = std::max<double>(1, static_cast<double>(image.rgb.size()) / 3);
  const auto part = [&](int c) { return std::lround(sum[c] / pixels / 8); };
  return fmt::format("{}x{} mean {},{},{} of 32", image.width, image.height, part(0), part(1), part(2));
}

Color on_dark(const Color& color) {
  constexpr std::pair<Color, Color> counterparts[] = {
      {ink, light_ink}, {faint_ink, faint_light_ink}, {grid_line, dark_grid_line}, {white, dark_ground}};
  for (const auto& [light, dark] : counterparts)
    if (color.with_alpha(1) == light) return dark.with_alpha(color.a);
  return color;
}

}  // namespace

struct Canvas::Recording {
  double width, height;
  Color background;
  Theme theme;
  Surface surface;
  Context context;
  std::string scene;  // see `Canvas::scene`

  Recording(double w, double h, const Color& background_, Theme theme_)
      : width(w),
        height(h),
        background(background_),
        theme(theme_),
        surface(nullptr, cairo_surface_destroy),
        context(nullptr, cairo_destroy) {
    const cairo_rectangle_t extents{0, 0, w, h};
    surface = own(cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &extents));
    context = Context(cairo_create(surface.get()), cairo_destroy);
    check(cairo_status(context.get()), "cannot start a drawing");
    // Unhinted metrics do not depend on the scale, so text has the same width in every output.
    cairo_font_options_t* fonts = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(fonts, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_hint_style(fonts, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_antialias(fonts, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(context.get(), fonts);
    cairo_font_options_destroy(fonts);
    cairo_set_line_join(context.get(), CAIRO_LINE_JOIN_ROUND);
    cairo_set_fill_rule(context.get(), CAIRO_FILL_RULE_EVEN_ODD);
  }

  void note(std::string_view call) {
    scene += call;
    scene += '\n';
  }
  cairo_t* with(const Color& wanted) const {
    const Color color = theme == Theme::dark ? on_dark(wanted) : wanted;
    cairo_set_source_rgba(context.get(), color.r, color.g, color.b, color.a);
    return context.get();
  }
  cairo_t* with(const Stroke& stroke) const {
    cairo_set_line_width(context.get(), stroke.width);
    cairo_set_dash(context.get(), stroke.dashes.data(), static_cast<int>(stroke.dashes.size()), 0);
    return with(stroke.color);
  }
  cairo_t* with(const TextStyle& style) const {
    cairo_select_font_face(context.get(), "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(context.get(), style.size);
    return with(style.color);
  }
  void path(std::span<const std::vector<Point>> contours) const {
    for (const std::vector<Point>& contour : contours) {
      cairo_new_sub_path(context.get());
      for (const Point& p : contour) cairo_line_to(context.get(), p.x, p.y);
      cairo_close_path(context.get());
    }
  }
  void replay(cairo_surface_t* target, double scale) const {
    const Context to(cairo_create(target), cairo_destroy);
    // Also where a last row or column of pixels lies only partly inside the scene.
    cairo_set_source_rgba(to.get(), background.r, background.g, background.b, background.a);
    cairo_paint(to.get());
    cairo_scale(to.get(), scale, scale);
    cairo_set_source_surface(to.get(), surface.get(), 0, 0);
    cairo_paint(to.get());
    check(cairo_status(to.get()), "cannot draw");
  }
  Surface rasterise(double scale) const {
    if (!(scale >= 0.1 && scale <= 16)) throw Error(fmt::format("drawing scale is {}; it must be 0.1 to 16", scale));
    Surface target =
        image_surface(static_cast<int>(std::ceil(width * scale)), static_cast<int>(std::ceil(height * scale)));
    replay(target.get(), scale);
    cairo_surface_flush(target.get());
    return target;
  }
};

Canvas::Canvas(double width, double height, Color background, Theme theme) {
  if (!(width >= 1 && width <= 16384 && height >= 1 && height <= 16384))
    throw Error(fmt::format("drawing is {} x {} points; each must be 1 to 16384", width, height));
  recording_ = std::make_unique<Recording>(width, height, background, theme);
}
Canvas::~Canvas() = default;
Canvas::Canvas(Canvas&&) noexcept = default;
Canvas& Canvas::operator=(Canvas&&) noexcept = default;

double Canvas::width() const { return recording_->width; }
double Canvas::height() const { return recording_->height; }

void Canvas::fill(const Rect& rect, const Color& color) {
  recording_->note(fmt::format("fill {} {}", word(rect), word(color)));
  cairo_t* c = recording_->with(color);
  cairo_rectangle(c, rect.x, rect.y, rect.width, rect.height);
  cairo_fill(c);
}

void Canvas::stroke(const Rect& rect, const Stroke& stroke) {
  recording_->note(fmt::format("stroke {} {}", word(rect), word(stroke)));
  cairo_t* c = recording_->with(stroke);
  cairo_rectangle(c, rect.x, rect.y, rect.width, rect.height);
  cairo_stroke(c);
}

void Canvas::line(Point from, Point to, const Stroke& stroke) {
  const Point points[] = {from, to};
  polyline(points, stroke);
}

void Canvas::polyline(std::span<const Point> points, const Stroke& stroke) {
  recording_->note(fmt::format("line {} {}", word(points), word(stroke)));
  cairo_t* c = recording_->with(stroke);
  for (const Point& p : points) cairo_line_to(c, p.x, p.y);
  cairo_stroke(c);
}

void Canvas::fill(std::span<const std::vector<Point>> contours, const Color& color) {
  recording_->note(fmt::format("fill {} {}", word(contours), word(color)));
  cairo_t* c = recording_->with(color);
  recording_->path(contours);
  cairo_fill(c);
}

void Canvas::stroke(std::span<const std::vector<Point>> contours, const Stroke& stroke) {
  recording_->note(fmt::format("stroke {} {}", word(contours), word(stroke)));
  cairo_t* c = recording_->with(stroke);
  recording_->path(contours);
  cairo_stroke(c);
}

void Canvas::circle(Point center, double radius, const Color& color) {
  recording_->note(fmt::format("circle {} {:g} {}", word(center), radius, word(color)));
  cairo_t* c = recording_->with(color);
  cairo_new_sub_path(c);
  cairo_arc(c, center.x, center.y, radius, 0, 2 * std::numbers::pi);
  cairo_fill(c);
}

void Canvas::ring(Point center, double radius, const Stroke& stroke) {
  recording_->note(fmt::format("ring {} {:g} {}", word(center), radius, word(stroke)));
  cairo_t* c = recording_->with(stroke);
  cairo_new_sub_path(c);
  cairo_arc(c, center.x, center.y, radius, 0, 2 * std::numbers::pi);
  cairo_stroke(c);
}

void Canvas::image(const Image& image, const Rect& rect) {
  recording_->note(fmt::format("image {} {}", word(rect), word(image)));
  if (image.width < 1 || image.height < 1) return;
  // Enough repetition that one stored pixel is at most half a point.
  const double zoom = std::max(rect.width / image.width, rect.height / image.height);
  const int factor = zoom > 1 ? std::clamp(static_cast<int>(std::ceil(2 * zoom)), 1,
                                           4096 / std::max({image.width, image.height, 1}) + 1)
                              : 1;
  const Surface pixels = upload(image, factor);
  cairo_t* c = recording_->context.get();
  cairo_save(c);
  cairo_rectangle(c, rect.x, rect.y, rect.width, rect.height);
  cairo_clip(c);
  cairo_translate(c, rect.x, rect.y);
  cairo_scale(c, rect.width / (image.width * factor), rect.height / (image.height * factor));
  cairo_set_source_surface(c, pixels.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(c), zoom > 1 ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend(cairo_get_source(c), CAIRO_EXTEND_PAD);
  cairo_paint(c);
  cairo_restore(c);
}

void Canvas::text(std::string_view line, Point at, const TextStyle& style) {
  recording_->note(fmt::format("text {} {} \"{}\"", word(at), word(style), line));
  const std::string terminated(line);
  cairo_t* c = recording_->with(style);
  cairo_text_extents_t extents;
  cairo_text_extents(c, terminated.c_str(), &extents);
  cairo_font_extents_t font;
  cairo_font_extents(c, &font);
  double dx = 0, dy = 0;
  if (style.horizontal == HAlign::center) dx = -extents.x_advance / 2;
  if (style.horizontal == HAlign::right) dx = -extents.x_advance;
  if (style.vertical == VAlign::top) dy = font.ascent;
  if (style.vertical == VAlign::middle) dy = 0.365 * style.size;  // half the height of DejaVu's capitals
  if (style.vertical == VAlign::bottom) dy = -font.descent;
  cairo_save(c);
  cairo_translate(c, at.x, at.y);
  if (style.upwards) cairo_rotate(c, -std::numbers::pi / 2);
  cairo_move_to(c, dx, dy);
  cairo_show_text(c, terminated.c_str());
  cairo_new_path(c);  // or the next line would start where the text ended
  cairo_restore(c);
}

double Canvas::text_width(std::string_view line, const TextStyle& style) const {
  cairo_text_extents_t extents;
  cairo_text_extents(recording_->with(style), std::string(line).c_str(), &extents);
  return extents.x_advance;
}

void Canvas::begin_clip(const Rect& rect) {
  recording_->note(fmt::format("clip {}", word(rect)));
  cairo_t* c = recording_->context.get();
  cairo_save(c);
  cairo_rectangle(c, rect.x, rect.y, rect.width, rect.height);
  cairo_clip(c);
}

void Canvas::end_clip() {
  recording_->note("end of clip");
  cairo_restore(recording_->context.get());
}

Image Canvas::render(double scale) const {
  const Surface target = recording_->rasterise(scale);
  Image result(cairo_image_surface_get_width(target.get()), cairo_image_surface_get_height(target.get()));
  for (int y = 0; y < result.height; ++y) {
    const std::uint32_t* row = row_of(target.get(), y);
    for (int x = 0; x < result.width; ++x) set_pixel(result, x, y, rgb(row[x]));
  }
  return result;
}

std::string Canvas::png(double scale) const {
  const Surface target = recording_->rasterise(scale);
  std::string bytes;
  check(cairo_surface_write_to_png_stream(target.get(), append, &bytes), "cannot encode PNG");
  return bytes;
}

std::string Canvas::svg() const {
  std::string bytes;
  const Surface target = own(cairo_svg_surface_create_for_stream(append, &bytes, width(), height()));
  recording_->replay(target.get(), 1);
  cairo_surface_finish(target.get());
  check(cairo_surface_status(target.get()), "cannot encode SVG");
  return bytes;
}

std::string Canvas::scene() const {
  return fmt::format("canvas {}x{} {}\n", number(width()), number(height()), word(recording_->background)) +
         recording_->scene;
}

void Canvas::save(const std::filesystem::path& path, double scale) const {
  if (ending(path) == ".scene") return files::write_file_atomically(path, scene());
  require_picture_path(path);
  files::write_file_atomically(path, ending(path) == ".svg" ? svg() : png(scale));
}

void require_picture_path(const std::filesystem::path& path) {
  if (ending(path) != ".png" && ending(path) != ".svg")
    throw Error("cannot draw into " + path.string() + ": the file name must end in .png or .svg");
}

}  // namespace llsa::plot
