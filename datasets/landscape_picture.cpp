#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "datasets/landscape_motion.hpp"
#include "datasets/landscape_things.hpp"
#include "datasets/procedural.hpp"

namespace llsa::datasets {
namespace {

constexpr std::array<std::string_view, 6> class_names{"meadow", "autumn", "winter", "lake", "coast", "desert"};
enum class Place { meadow, autumn, winter, lake, coast, desert };

/// One scene, `width` heights wide; one that moves is wider on the side that the camera turns to.
class Scene {
 public:
  Scene(Place place, std::uint64_t key, double width) : place_(place), key_(mix(key)), width_(width) {
    breadth_.right = width;
    build();
  }
  Scene(Place place, std::uint64_t key, double width, std::uint64_t motion_key)
      : place_(place), key_(mix(key)), width_(width), motion_(Random(mix(mix(key), motion_key))) {
    breadth_ = motion_.turns_left() ? Breadth{-Motion::reach, width} : Breadth{0, width + Motion::reach};
    build();
    Random random(mix(mix(key_, motion_key), 1));
    const double from = motion_.turns_left() ? -Motion::reach : width;
    plant(random, {from, from + Motion::reach}, Motion::reach);
    sort_things();
  }

  /// Takes the scene to a frame; it begins at 0.
  void go_to(double frame) {
    frame_ = frame;
    pan_ = motion_.pan(frame);
    now_ = motion_.light(*hour_, frame);
  }

  Paint operator()(double across, double y) const {
    const double x = across + pan_;
    Paint color;
    for (const Thing& thing : things_)  // the nearest first
      if (paint(thing, x, y, color)) return lit(color, now_.hour.light);
    if (y < horizon_ || y < ground_(x)) return above_ground(x, y);
    switch (place_) {
      case Place::lake:
        return y < shore_(x) ? water(x, y) : meadow(x, y);
      case Place::coast:
        return coast(x, y);
      case Place::desert:
        return dunes(x, y);
      default:
        return meadow(x, y);
    }
  }

 private:
  void build() {
    Random random(key_);
    choose_hour(random);
    choose_ground(random);
    choose_things(random);
    sort_things();
    go_to(0);
  }
  void sort_things() { std::ranges::stable_sort(things_, std::ranges::greater{}, &Thing::foot); }

  double noise(double x, double y, int octaves, std::uint64_t stream) const {
    return fractal_noise(x, y, octaves, mix(key_, stream));
  }
  bool lit_from_left() const { return disc_x_ < 0.5 * width_; }
  bool frozen() const { return place_ == Place::winter; }

  void choose_hour(Random& random) {
    const double drawn = random.unit();
    hour_ = drawn < 0.38 ? &noon : drawn < 0.58 ? &morning : drawn < 0.82 ? &evening : &night;
    const double weather = random.unit();
    cover_ = weather < 0.35 ? 0.66 : weather < 0.75 ? 0.54 : 0.42;  // clear, fair, cloudy
    mist_ = random.unit() < 0.2 ? random.range(0.3, 0.6) : random.range(0.0, 0.15);
    disc_x_ = width_ * random.range(0.12, 0.88);
    disc_y_ = hour_ == &evening ? random.range(0.2, 0.34) : random.range(0.08, 0.22);
    disc_shown_ = weather < 0.75;
    horizon_ = random.range(0.46, 0.56);
  }

  void choose_ground(Random& random) {
    const bool flat = place_ == Place::desert || place_ == Place::coast;
    const double height = flat ? random.range(0.0, 0.14) : random.range(0.12, 0.36);
    const double scale = random.range(1.5, 3.0), lean = random.range(-0.6, 0.6), rough = place_ == Place::coast ? 3 : 5;
    mountains_ = Outline(breadth_, [&](double x) {
      const double level = noise(x * scale + 7, 0.5, static_cast<int>(rough), 1);
      // A coast's headland sinks into the sea on one side.
      const double side =
          place_ == Place::coast ? std::max(0.0, lean > 0 ? x / width_ * 1.6 - 0.7 : 0.9 - x / width_ * 1.6) * 2 : 1.0;
      return horizon_ - std::max(0.0, height * (1.5 * level - 0.1 + 0.4 * lean * (x / width_ - 0.5)) * side);
    });
    snow_line_ = frozen() ? 1.0 : random.range(-0.1, 0.16);
    const double hill = flat ? 0.0 : random.range(0.04, 0.12), hill_scale = random.range(1.5, 3.5);
    hills_ = Outline(breadth_, [&](double x) { return horizon_ + 0.02 - hill * noise(x * hill_scale + 3, 0.5, 4, 2); });
    const double dip = random.range(0.02, 0.05);
    ground_ = flat ? Outline(breadth_, [&](double) { return horizon_; })
                   : Outline(breadth_, [&](double x) { return horizon_ + 0.03 + dip * noise(x * 1.7 + 5, 0.5, 3, 3); });
    const double shore = place_ == Place::coast ? random.range(0.74, 0.9) : random.range(0.72, 0.88);
    const double across = random.range(-0.22, 0.22);
    shore_ = Outline(breadth_, [&](double x) {
      return shore + across * (x / width_ - 0.5) + 0.12 * (noise(x * 2.5, 0.5, 3, 4) - 0.5);
    });
    for (std::size_t i = 0; i < dunes_.size(); ++i) {
      const double crest = horizon_ + 0.02 + (1 - horizon_) * (0.02 + 0.26 * static_cast<double>(i));
      const double rise = 0.1 + 0.1 * static_cast<double>(i), width = random.range(1.3, 2.4);
      dunes_[i] = Outline(breadth_, [&](double x) { return crest - rise * (noise(x * width, 0.5, 2, 20 + i) - 0.5); });
    }
    vanishing_ = width_ * random.range(0.2, 0.8);
  }

  void choose_things(Random& random) {
    const bool wooded = place_ != Place::coast && place_ != Place::desert;
    const double density = random.unit();
    if (place_ == Place::coast && random.flip())
      for (int boats = random.flip() ? 2 : 1; boats > 0; --boats) {
        const double x = width_ * random.range(0.15, 0.85), foot = horizon_ + random.range(0.03, 0.12);
        things_.push_back({Thing::Kind::boat, x, foot, 0.06 + 1.1 * (foot - horizon_), random.unit()});
      }
    if (place_ == Place::desert && density > 0.4)
      for (int i = 0; i < static_cast<int>(width_ * 8 * (density - 0.3)); ++i) {
        const double x = width_ * random.range(0.03, 0.97), foot = horizon_ + 0.06 + (0.92 - horizon_) * random.unit();
        things_.push_back({Thing::Kind::cactus, x, foot, 0.03 + 0.55 * (foot - horizon_), random.unit()});
      }
    if (!wooded) return;
    if (random.unit() < 0.55) {
      const double village = width_ * random.range(0.2, 0.8);
      for (int i = 0, houses = 2 + (random.flip() ? 1 : 0) + (random.flip() ? 1 : 0); i < houses; ++i) {
        const double x = village + 0.14 * (i - 1.5) + random.range(-0.02, 0.02);
        const double foot = stand(x, random.range(0.1, 0.3));
        things_.push_back({Thing::Kind::house, x, foot, 0.05 + 0.3 * (foot - horizon_), random.unit()});
      }
    }
    tree_density_ = 4 + 18 * density;
    plant(random, {width_ * -0.02, width_ * 1.02}, width_);
  }

  /// Trees where they grow, as many as `width` has.
  void plant(Random& random, Breadth where, double width) {
    const int trees = static_cast<int>(width * tree_density_);
    for (int i = 0; i < trees; ++i) {
      const double depth = random.unit(), x = random.range(where.left, where.right), drawn = random.unit();
      const double foot = stand(x, 0.06 + 0.9 * depth * depth);
      const double height = (foot - horizon_) * random.range(0.45, 0.7) + 0.03;
      const double conifers = place_ == Place::autumn ? 0.15 : place_ == Place::meadow ? 0.35 : 0.9;
      things_.push_back({drawn < conifers ? Thing::Kind::conifer : Thing::Kind::crown, x, foot, height, random.unit()});
    }
  }

  /// Where something stands at a `depth` from 0 (far) to 1 (at the lower edge): on dry ground.
  double stand(double x, double depth) const {
    const double far = place_ == Place::lake ? shore_(x) + 0.01 : ground_(x);
    return far + (1.02 - far) * depth;
  }

  Paint sky(double x, double y) const {
    Paint color = blend(now_.hour.zenith, now_.hour.low_sky, smooth(y / horizon_));
    const double dx = x - disc_x_, dy = y - disc_y_, from_disc = std::sqrt(dx * dx + dy * dy);
    if (disc_shown_) {
      const double glow = 0.7 * (1 - now_.dark) + 0.25 * now_.dark;
      color = blend(color, now_.hour.disc, glow / (1 + 50 * from_disc * from_disc));
      if (from_disc < 0.05) color = now_.hour.disc;
    }
    if (now_.dark > 0 && star(x, y)) color = blend(color, rgb(0xdfe6ff), now_.dark);
    const double density = noise((x - motion_.clouds(frame_)) * 2.6 + 11, y * 7, 4, 5);
    return blend(color, blend(now_.hour.shade, now_.hour.cloud, ramp(cover_, cover_ + 0.2, density)),
                 0.92 * ramp(cover_, cover_ + 0.1, density));
  }

  bool star(double x, double y) const {
    const double u = x * 22, v = y * 22, fu = std::floor(u), fv = std::floor(v);
    const auto cell = mix(mix(key_, cell_number(fu)), cell_number(fv));
    if (cell % 7 != 0) return false;
    const double dx = u - fu - 0.5, dy = v - fv - 0.5;
    return dx * dx + dy * dy < 0.06;
  }

  /// Farther things take on the colour of the lower sky.
  Paint veiled(Paint color, double share) const {
    return blend(lit(color, now_.hour.light), now_.hour.low_sky, std::min(0.9, share + mist_));
  }

  Paint above_ground(double x, double y) const {
    if (place_ != Place::coast && place_ != Place::desert && y >= hills_(x)) return woods(x, y);
    return y < mountains_(x) ? sky(x, y) : mountains(x, y);
  }

  Paint mountains(double x, double y) const {
    const double ridge = mountains_(x), rock = noise(x * 9, y * 14, 3, 6), below = y - ridge;
    const double facing = mountains_.slope(x + 0.5 * below * (rock - 0.5)) * (lit_from_left() ? 1 : -1);
    const double sunny = smooth(0.55 - 0.8 * facing);
    if (place_ == Place::desert) return veiled(blend(rgb(0x8c4a36), rgb(0xcf8a5c), 0.6 * sunny + 0.4 * rock), 0.12);
    if (place_ == Place::coast) return veiled(blend(rgb(0x4c5f52), rgb(0x7f8f76), 0.5 * sunny + 0.5 * rock), 0.2);
    const Paint stone = blend(rgb(0x465173), rgb(0x9aa2b8), 0.65 * sunny + 0.35 * rock);
    const double height = horizon_ - ridge;
    const double snow = ramp(0.03, -0.03, below - 0.5 * (height - 0.15) - snow_line_ + 0.1 * (rock - 0.5));
    const Paint white = blend(rgb(0xa9bddb), rgb(0xfbfdff), sunny);
    return veiled(blend(stone, white, snow), 0.12 + 0.35 * smooth(below / 0.3));
  }

  /// Rows of round crowns, the nearer before the farther, each lit from above.
  Paint woods(double x, double y) const {
    constexpr double rows = 34, across = 22;
    const double last = std::floor(y * rows);
    for (double row = last + 1; row >= last - 1; --row) {
      const auto line = mix(mix(key_, 7), cell_number(row));
      const double u = x * across + to_unit(line), cell = std::floor(u);
      const auto tree = mix(line, cell_number(cell));
      const double dx = u - cell - 0.5, dy = (y * rows - row - 0.7 * to_unit(mix(tree))) / 1.1;
      if (dx * dx + dy * dy > 0.42) continue;
      const Paint crown = leaves(to_unit(tree));
      return veiled(blend(crown * 1.1, crown * 0.55, smooth(dy + 0.5)), 0.1);
    }
    return veiled(leaves(0.5) * 0.5, 0.1);
  }

  Paint leaves(double tint) const {
    if (place_ == Place::autumn)
      return tint < 0.5 ? blend(rgb(0xb33a1e), rgb(0xe07b26), tint * 2)
                        : blend(rgb(0xe07b26), rgb(0xe8b93a), tint * 2 - 1);
    if (frozen()) return blend(rgb(0x9fb4c4), rgb(0xe9f1f7), tint);
    return blend(rgb(0x2f6138), rgb(0x74a04c), tint);
  }

  /// Fields in perspective: strips that meet in one point of the horizon.
  Paint meadow(double x, double y) const {
    const double depth = std::max(0.02, y - horizon_ + 0.04), along = (x - vanishing_) / depth;
    const double strip = std::floor(along * 0.8 + 0.4 * (noise(0.35 / depth, 0.5, 2, 9) - 0.5));
    const auto crop = mix(mix(key_, 10), cell_number(strip)) % 4;
    constexpr std::array<int, 4> summer{0x7fb04c, 0xcdb956, 0x5f9a48, 0xa6bc52},
        fall{0xb79a4e, 0x9a7f43, 0x8f9a4c, 0xc8a85a}, snow{0xe8eff6, 0xdde7f1, 0xf3f7fb, 0xd4e0ec};
    const auto& crops = frozen() ? snow : place_ == Place::autumn ? fall : summer;
    const Paint base = rgb(crops[crop]);
    const double grass = noise(x * 24, y * 40, 2, 11), spread = frozen() ? 0.06 : 0.16;
    Paint field = base * (1 - spread + 2 * spread * grass);
    if (!frozen() && place_ != Place::autumn && flower(x, y)) field = rgb(crop % 2 == 0 ? 0xf4d94a : 0xe4604f);
    return veiled(field, 0.12 * ramp(0.25, 0.0, depth));
  }

  bool flower(double x, double y) const {
    if (y < 0.74) return false;
    const double u = x * 18, v = y * 18, fu = std::floor(u), fv = std::floor(v);
    const auto cell = mix(mix(mix(key_, 12), cell_number(fu)), cell_number(fv));
    if (cell % 4 != 0) return false;
    const double dx = u - fu - 0.3 - 0.4 * to_unit(mix(cell)), dy = v - fv - 0.3 - 0.4 * to_unit(mix(cell + 1));
    return dx * dx + dy * dy < 0.04;
  }

  /// A lake: the far side upside down, with ripples.
  Paint water(double x, double y) const {
    const double far = ground_(x), ripple = noise(x * 7, y * 70 - 0.6 * frame_, 2, 13) - 0.5;
    const double mirrored = std::max(0.0, far - 0.9 * (y - far) + 0.02 * ripple);
    const Paint reflected =
        above_ground(std::clamp(x + 0.01 * ripple, breadth_.left, breadth_.right), std::min(mirrored, far - 1e-6));
    const Paint deep = lit(rgb(0x255a7c), now_.hour.light);
    return blend(blend(reflected, deep, 0.3 + 0.3 * smooth((y - far) / 0.3)), now_.hour.low_sky,
                 0.35 * ramp(0.2, 0.42, ripple));
  }

  /// Open sea, waves that grow towards the beach, the sun's path, foam and sand.
  Paint coast(double x, double y) const {
    const double shore = shore_(x), depth = (y - horizon_) / std::max(0.05, shore - horizon_);
    if (y > shore) {
      const double wet = ramp(0.07, 0.0, y - shore), grain = noise(x * 20, y * 30, 2, 14);
      const Paint sand = blend(rgb(0xd9bf8c), rgb(0xf0ddb2), grain);
      return lit(blend(sand, rgb(0x9c8057), 0.7 * wet), now_.hour.light);
    }
    const double wave = noise(x * (9 - 5 * depth), (60 - 34 * depth) * y - 0.4 * frame_, 2, 15);
    Paint sea = blend(rgb(0x1c4f86), rgb(0x2f9aa0), smooth(depth));
    sea = blend(lit(sea * (0.85 + 0.3 * wave), now_.hour.light), now_.hour.low_sky,
                0.25 * (1 - smooth(depth * 1.5)) + 0.1 * wave);
    if (disc_shown_) {
      const double path = ramp(0.05 + 0.12 * depth, 0.0, std::abs(x - disc_x_));
      sea = blend(sea, now_.hour.disc, 0.75 * path * ramp(0.4, 0.62, wave));
    }
    const double crest = ramp(0.03, 0.0, std::abs(shore - y - 0.012 - 0.02 * (wave - 0.5)));
    const double second = 0.6 * ramp(0.02, 0.0, std::abs(shore - y - 0.09 - 0.03 * (wave - 0.5)));
    return blend(sea, lit(rgb(0xffffff), blend(now_.hour.light, tone(1, 1, 1), 0.4)), std::max(crest, second));
  }

  /// Dunes one before the other: a bright side towards the light and a dark one.
  Paint dunes(double x, double y) const {
    for (std::size_t i = dunes_.size(); i-- > 0;) {
      const double crest = dunes_[i](x);
      if (y < crest) continue;
      const double side = lit_from_left() ? 1 : -1, facing = side * dunes_[i].slope(x - side * 0.5 * (y - crest));
      const double ripple = noise(x * 6, y * 55, 2, 16), bright = smooth(0.55 - 2.6 * facing + 0.2 * (ripple - 0.5));
      return veiled(blend(rgb(0x9c5429), rgb(0xf6cd86), bright), 0.22 - 0.07 * static_cast<double>(i));
    }
    return veiled(rgb(0xdba468), 0.3);
  }

  bool paint(const Thing& thing, double x, double y, Paint& color) const {
    const double at = thing.kind == Thing::Kind::boat ? thing.x + motion_.boats(frame_) : thing.x;
    const double u = (x - at) / thing.height, v = (thing.foot - y) / thing.height;  // v runs upwards from the foot
    if (v < 0 || v > 1 || std::abs(u) > 1) return false;
    const Paint foliage = leaves(thing.tint);
    switch (thing.kind) {
      case Thing::Kind::conifer:
        return paint_fir(thing.tint, frozen(), u, v, color);
      case Thing::Kind::crown:
        return paint_crown(frozen() ? nullptr : &foliage, u, v, color);
      case Thing::Kind::house:
        return house(thing, u, v, color);
      case Thing::Kind::boat:
        return paint_boat(thing.tint, u, v, color);
      case Thing::Kind::cactus:
        return paint_cactus(thing.tint, u, v, color);
    }
    return false;
  }

  bool house(const Thing& thing, double u, double v, Paint& color) const {
    // By night there is light behind the windows, as bright as the light outside is dim.
    const Paint glass = blend(rgb(0x45617a), rgb(0xffdf80) * 3, now_.dark);
    const House look{rgb(0xc0452f), rgb(0x8f3626), rgb(0xf6eedd), rgb(0xe3cb9c), glass, 0.11, 0.9};
    if (!paint_house(look, thing.tint, u, v, color)) return false;
    if (frozen() && v > 0.5) color = blend(rgb(0xdfe8f1), rgb(0xffffff), v);
    return true;
  }

  Place place_;
  std::uint64_t key_;
  double width_;
  Motion motion_;
  Breadth breadth_;
  const Hour* hour_ = &noon;  ///< at frame 0
  double frame_ = 0, pan_ = 0;
  Moment now_;
  double tree_density_ = 0;
  double cover_ = 0.5, mist_ = 0, horizon_ = 0.5, disc_x_ = 0.5, disc_y_ = 0.2, snow_line_ = 0, vanishing_ = 0.5;
  bool disc_shown_ = true;
  Outline mountains_, hills_, ground_, shore_;
  std::array<Outline, 3> dunes_;
  std::vector<Thing> things_;
};

}  // namespace

std::span<const std::string_view> landscape_classes() { return class_names; }

int landscape_label(std::uint64_t index) { return static_cast<int>(index % class_names.size()); }

namespace {

/// The scene's points as pixels.
files::Image render(const files::PictureExtent& extent, const Scene& scene) {
  const int width = static_cast<int>(extent.width), height = static_cast<int>(extent.height);
  // As many points as half a picture of 256 has, so that small pictures are not coarser scenes than large ones.
  return datasets::render(width, height, std::clamp(128 / height, 2, 8), scene);
}

/// Throws before anything is worked out.
double proportions(const files::PictureExtent& extent) {
  files::Image{static_cast<int>(extent.width), static_cast<int>(extent.height)};
  return static_cast<double>(extent.width) / static_cast<double>(extent.height);
}

Place place_of(std::uint64_t index) { return static_cast<Place>(landscape_label(index)); }

}  // namespace

files::Image landscape_picture(const files::PictureExtent& extent, std::uint64_t seed, std::uint64_t index) {
  const double width = proportions(extent);
  return render(extent, Scene(place_of(index), mix(seed, index), width));
}

std::vector<files::Image> landscape_video(const files::PictureExtent& extent, std::uint64_t seed, std::uint64_t index) {
  constexpr std::uint64_t motion_key = 40;
  const double width = proportions(extent);
  Scene scene(place_of(index), mix(seed, index), width, motion_key);
  std::vector<files::Image> frames;
  for (std::int64_t frame = 0; frame < extent.frames; ++frame) {
    scene.go_to(static_cast<double>(frame));
    frames.push_back(render(extent, scene));
  }
  return frames;
}

}  // namespace llsa::datasets
