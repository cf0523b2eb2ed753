#pragma once

#include <deque>
#include <set>
#include <vector>

namespace llsa::viewer {

/// A key that went down or up, in the window system's codes.
struct KeyEvent {
  int key = 0, scancode = 0, action = 0, modifiers = 0;
};

/// Keys on their way to what looks at them once a frame: a key that goes down and up within one frame would not be seen
/// at all. So each frame takes events in their order, up to the second one of the same key.
class KeyQueue {
 public:
  void push(const KeyEvent& event) { events_.push_back(event); }
  bool empty() const { return events_.empty(); }

  /// What this frame sees.
  std::vector<KeyEvent> take_frame() {
    std::vector<KeyEvent> taken;
    std::set<int> keys;
    while (!events_.empty() && keys.insert(events_.front().key).second) {
      taken.push_back(events_.front());
      events_.pop_front();
    }
    return taken;
  }

 private:
  std::deque<KeyEvent> events_;
};

}  // namespace llsa::viewer
