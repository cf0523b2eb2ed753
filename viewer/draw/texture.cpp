#include "viewer/draw/texture.hpp"

#include <fmt/format.h>

#include <utility>

#include "llsa/error.hpp"
#include "viewer/draw/gl.hpp"

namespace llsa::viewer {

Texture::~Texture() {
  if (name_) glDeleteTextures(1, &name_);
}

Texture::Texture(Texture&& other) noexcept
    : name_(std::exchange(other.name_, 0)), width_(other.width_), height_(other.height_) {}

Texture& Texture::operator=(Texture&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(width_, other.width_);
  std::swap(height_, other.height_);
  return *this;
}

void Texture::upload(int width, int height, std::span<const std::uint8_t> rgba) {
  GLint limit = 0;
  glGetIntegerv(GL_MAX_TEXTURE_SIZE, &limit);
  if (width > limit || height > limit)
    throw Error(fmt::format("a grid of {} x {} cells cannot be drawn; the graphics driver takes at most {} a side",
                            width, height, limit));
  if (!name_) glGenTextures(1, &name_);
  glBindTexture(GL_TEXTURE_2D, name_);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_LINEAR);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
  glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
  glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, width, height, 0, GL_RGBA, GL_UNSIGNED_BYTE, rgba.data());
  glGenerateMipmap(GL_TEXTURE_2D);
  width_ = width;
  height_ = height;
}

const Texture& TextureCache::get(const std::string& name, const std::string& key,
                                 const std::function<Pixels()>& paint) {
  Entry& entry = entries_[name];
  if (!entry.texture || entry.key != key) {
    const Pixels pixels = paint();
    entry.texture.upload(pixels.width, pixels.height, pixels.rgba);
    entry.key = key;
  }
  return entry.texture;
}

TextureCache::Pixels heat_pixels(const GridLayout& layout, std::span<const float> values, const ColorScale& scale) {
  const auto width = static_cast<std::size_t>(layout.bounds().x1),
             height = static_cast<std::size_t>(layout.bounds().y1);
  TextureCache::Pixels pixels{static_cast<int>(width), static_cast<int>(height), {}};
  if (layout.grid().frames == 1) {
    scale.paint(values, pixels.rgba);
    return pixels;
  }
  pixels.rgba.assign(width * height * 4, 0);
  for (std::size_t cell = 0; cell < values.size(); ++cell) {
    const Box at = layout.cell(static_cast<std::int64_t>(cell));
    const plot::Rgb color = scale.color(static_cast<double>(values[cell]));
    std::uint8_t* to =
        pixels.rgba.data() + 4 * (static_cast<std::size_t>(at.y0) * width + static_cast<std::size_t>(at.x0));
    to[0] = color.r, to[1] = color.g, to[2] = color.b, to[3] = 255;
  }
  return pixels;
}

TextureCache::Pixels picture_pixels(const files::Image& image) {
  TextureCache::Pixels pixels{image.width, image.height, {}};
  pixels.rgba.reserve(image.rgb.size() / 3 * 4);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    pixels.rgba.insert(pixels.rgba.end(), {image.rgb[i], image.rgb[i + 1], image.rgb[i + 2], 255});
  return pixels;
}

}  // namespace llsa::viewer
