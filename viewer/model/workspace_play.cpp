#include <algorithm>

#include "viewer/model/workspace.hpp"

// What a workspace looks at inside a model, and what plays.
namespace llsa::viewer {

void Workspace::inspect(const AttentionPlace& place) {
  inspected_ = place;
  scrub.follow = false;
  scrub.layer = static_cast<int>(place.layer);
  scrub.step = static_cast<int>(place.step);
  sampling_.inspect(place, [this, place](std::shared_ptr<const Document> captured) {
    accept(std::move(captured), {});
    for (auto& side : sides_) side->settings.batch = std::min(place.sample, document_->shape().batch - 1);
  });
}

void Workspace::scrub_to(int step, int layer) {
  const Samples& samples = sampling_.samples();
  if (samples.steps.empty()) return;
  const int last = static_cast<int>(samples.steps.size()) - 1;
  scrub.step = std::clamp(step, 0, last);
  scrub.follow = scrub.step == last;
  scrub.layer = std::clamp(layer, 0, static_cast<int>(samples.config.layers) - 1);
  // After the last step there is a picture, but no attention.
  const AttentionPlace place{inspected_ ? inspected_->sample : 0, scrub.layer,
                             std::min<std::int64_t>(scrub.step, samples.options.steps - 1)};
  if (inspected_ && place != *inspected_) {
    const Scrub wanted = scrub;
    inspect(place);
    scrub = wanted;
  }
}

void Workspace::play_on() {
  const auto count = static_cast<int>(sampling_.samples().steps.size());
  if (count == 0) return;
  const int next = (scrub.step + 1) % count;
  if (!busy()) return scrub_to(next, scrub.layer);
  scrub.step = next;
  scrub.follow = false;
}

void Workspace::play_frames_on() {
  const auto frames = static_cast<int>(sampling_.samples().config.extent.frames);
  scrub.frame = (scrub.frame + 1) % frames;
  if (!document_ || view.query_cell < 0) return;
  const Grid grid = document_->query_grid;
  choose_query((view.query_cell + grid.height * grid.width) % grid.size());
}

void Workspace::inspect_everywhere(std::int64_t sample) {
  inspected_ = AttentionPlace{sample, 0, 0};
  sampling_.inspect_everywhere(sample, [this](std::shared_ptr<const Document> captured) {
    accept(std::move(captured), {});
    open_panel(view.places, Panel::overview);
  });
}

}  // namespace llsa::viewer
