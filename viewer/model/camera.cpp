#include "viewer/model/camera.hpp"

#include <algorithm>

namespace llsa::viewer {
namespace {
double limited(double zoom) { return zoom > Camera::min_zoom ? std::min(zoom, Camera::max_zoom) : Camera::min_zoom; }
}  // namespace

Point Camera::to_screen(Point world) const {
  const Point middle = viewport.center();
  return {middle.x + (world.x - center.x) * zoom.x, middle.y + (world.y - center.y) * zoom.y};
}

Point Camera::to_world(Point screen) const {
  const Point middle = viewport.center();
  return {center.x + (screen.x - middle.x) / zoom.x, center.y + (screen.y - middle.y) / zoom.y};
}

Box Camera::to_screen(const Box& world) const {
  const Point a = to_screen(Point{world.x0, world.y0}), b = to_screen(Point{world.x1, world.y1});
  return {a.x, a.y, b.x, b.y};
}

Box Camera::visible() const {
  const Point a = to_world({viewport.x0, viewport.y0}), b = to_world({viewport.x1, viewport.y1});
  return {a.x, a.y, b.x, b.y};
}

void Camera::zoom_about(Point screen, Point factor) {
  const Point fixed = to_world(screen);
  zoom = {limited(zoom.x * factor.x), limited(zoom.y * factor.y)};
  const Point moved = to_world(screen);
  center = {center.x + fixed.x - moved.x, center.y + fixed.y - moved.y};
}

void Camera::pan(Point delta) { center = {center.x - delta.x / zoom.x, center.y - delta.y / zoom.y}; }

void Camera::fit(const Box& world, bool square, double margin) {
  if (!(world.width() > 0) || !(world.height() > 0)) return;
  const double width = std::max(1.0, viewport.width() - 2 * margin);
  const double height = std::max(1.0, viewport.height() - 2 * margin);
  zoom = {limited(width / world.width()), limited(height / world.height())};
  if (square) zoom.x = zoom.y = std::min(zoom.x, zoom.y);
  center = world.center();
}

void Camera::keep_in_sight(const Box& world) {
  const double half_x = viewport.width() / zoom.x / 2, half_y = viewport.height() / zoom.y / 2;
  const double keep_x = std::min(world.width(), half_x) / 2, keep_y = std::min(world.height(), half_y) / 2;
  center.x = std::clamp(center.x, world.x0 - half_x + keep_x, world.x1 + half_x - keep_x);
  center.y = std::clamp(center.y, world.y0 - half_y + keep_y, world.y1 + half_y - keep_y);
}

}  // namespace llsa::viewer
