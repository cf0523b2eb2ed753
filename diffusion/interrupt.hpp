#pragma once

namespace llsa::diffusion {

/// From now on the first SIGINT or SIGTERM only sets what `interrupted` returns; a second one ends the program at once.
void watch_interrupts();
bool interrupted();

}  // namespace llsa::diffusion
