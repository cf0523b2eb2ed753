#pragma once

#include <imgui.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "files/image.hpp"
#include "viewer/model/grid_layout.hpp"
#include "viewer/model/heat_map.hpp"

namespace llsa::viewer {

/// An RGBA texture, move-only. Enlarged texels stay sharp squares; reduced ones are averaged (mipmaps).
class Texture {
 public:
  Texture() = default;
  ~Texture();
  Texture(Texture&& other) noexcept;
  Texture& operator=(Texture&& other) noexcept;

  /// `rgba` holds width x height texels, top row first. Extents beyond what the driver takes throw `Error`.
  void upload(int width, int height, std::span<const std::uint8_t> rgba);
  int width() const { return width_; }
  int height() const { return height_; }
  ImTextureID id() const { return reinterpret_cast<ImTextureID>(static_cast<std::intptr_t>(name_)); }
  explicit operator bool() const { return name_ != 0; }

 private:
  unsigned name_ = 0;
  int width_ = 0, height_ = 0;
};

/// Textures by name, each painted again only when its key changes (a revision, a colour choice, ...).
class TextureCache {
 public:
  struct Pixels {
    int width = 0, height = 0;
    std::vector<std::uint8_t> rgba;
  };
  /// The texture `name`; `paint` is called when there is none yet or it was painted for another `key`.
  const Texture& get(const std::string& name, const std::string& key, const std::function<Pixels()>& paint);

 private:
  struct Entry {
    std::string key;
    Texture texture;
  };
  std::map<std::string, Entry> entries_;
};

/// Values by cell through the scale's colour look-up, laid out like the grid; transparent between frames.
TextureCache::Pixels heat_pixels(const GridLayout& layout, std::span<const float> values, const ColorScale& scale);
/// A picture of any size.
TextureCache::Pixels picture_pixels(const files::Image& image);

}  // namespace llsa::viewer
