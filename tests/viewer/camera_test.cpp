#include "viewer/model/camera.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace llsa::viewer {
namespace {

rc::Gen<double> numbers(int low, int high) {
  return rc::gen::map(rc::gen::inRange(low * 16, high * 16), [](int n) { return n / 16.0; });
}

Camera any_camera() {
  Camera camera;
  camera.viewport = {*numbers(0, 400), *numbers(0, 400), 0, 0};
  camera.viewport.x1 = camera.viewport.x0 + *numbers(1, 2000);
  camera.viewport.y1 = camera.viewport.y0 + *numbers(1, 2000);
  camera.center = {*numbers(-500, 500), *numbers(-500, 500)};
  camera.zoom = {*numbers(1, 40), *numbers(1, 40)};
  return camera;
}

void expect_near(Point a, Point b, double tolerance) {
  RC_ASSERT(std::abs(a.x - b.x) <= tolerance);
  RC_ASSERT(std::abs(a.y - b.y) <= tolerance);
}

RC_GTEST_PROP(Camera, to_world_inverts_to_screen, ()) {
  const Camera camera = any_camera();
  const Point world{*numbers(-1000, 1000), *numbers(-1000, 1000)};
  expect_near(camera.to_world(camera.to_screen(world)), world, 1e-8);
}

RC_GTEST_PROP(Camera, zooming_keeps_the_point_under_the_cursor, ()) {
  Camera camera = any_camera();
  const Point cursor{*numbers(0, 2000), *numbers(0, 2000)}, factor{*numbers(1, 8), *numbers(1, 8)};
  const Point before = camera.to_world(cursor), zoom = camera.zoom;
  camera.zoom_about(cursor, factor);
  expect_near(camera.to_world(cursor), before, 1e-6);
  RC_ASSERT(camera.zoom.x == std::min(Camera::max_zoom, zoom.x * factor.x));
}

RC_GTEST_PROP(Camera, panning_moves_the_picture_with_the_cursor, ()) {
  Camera camera = any_camera();
  const Point grabbed{*numbers(0, 900), *numbers(0, 900)}, delta{*numbers(-300, 300), *numbers(-300, 300)};
  const Point world = camera.to_world(grabbed);
  camera.pan(delta);
  expect_near(camera.to_screen(world), {grabbed.x + delta.x, grabbed.y + delta.y}, 1e-6);
}

RC_GTEST_PROP(Camera, fitting_shows_everything_in_the_middle_as_large_as_it_goes, ()) {
  Camera camera = any_camera();
  camera.viewport.x1 += 40, camera.viewport.y1 += 40;
  const Box world{0, 0, *numbers(1, 700), *numbers(1, 700)};
  const bool square = *rc::gen::arbitrary<bool>();
  camera.fit(world, square, 10);
  const Box shown = camera.to_screen(world), view = camera.viewport;
  expect_near(shown.center(), view.center(), 1e-6);
  RC_ASSERT(shown.x0 >= view.x0 + 10 - 1e-6 && shown.x1 <= view.x1 - 10 + 1e-6);
  RC_ASSERT(shown.y0 >= view.y0 + 10 - 1e-6 && shown.y1 <= view.y1 - 10 + 1e-6);
  const bool fills_x = std::abs(shown.width() - (view.width() - 20)) < 1e-6 || camera.zoom.x == Camera::max_zoom;
  const bool fills_y = std::abs(shown.height() - (view.height() - 20)) < 1e-6 || camera.zoom.y == Camera::max_zoom;
  const bool fills = square ? fills_x || fills_y : fills_x && fills_y;
  RC_ASSERT(fills);
  if (square) RC_ASSERT(camera.zoom.x == camera.zoom.y);
}

RC_GTEST_PROP(Camera, what_is_kept_in_sight_stays_in_sight, ()) {
  Camera camera = any_camera();
  const Box world{0, 0, *numbers(1, 300), *numbers(1, 300)};
  camera.pan({*numbers(-90000, 90000), *numbers(-90000, 90000)});
  camera.keep_in_sight(world);
  const Box seen = camera.visible();
  RC_ASSERT(seen.x0 < world.x1 && seen.x1 > world.x0);
  RC_ASSERT(seen.y0 < world.y1 && seen.y1 > world.y0);
}

TEST(Camera, zoom_never_becomes_zero_or_infinite) {
  Camera camera;
  for (int i = 0; i < 100; ++i) camera.zoom_about({3, 4}, {0.001, 1000});
  EXPECT_GT(camera.zoom.x, 0);
  EXPECT_LE(camera.zoom.y, Camera::max_zoom);
  EXPECT_TRUE(std::isfinite(camera.center.x) && std::isfinite(camera.center.y));
}

TEST(Camera, fitting_an_empty_rectangle_changes_nothing) {
  Camera camera;
  camera.viewport = {0, 0, 100, 100};
  camera.fit({0, 0, 0, 5}, true);
  EXPECT_EQ(camera.zoom, (Point{1, 1}));
}

}  // namespace
}  // namespace llsa::viewer
