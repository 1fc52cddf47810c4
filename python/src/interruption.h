// SPDX-License-Identifier: Apache-2.0
// What ends work before it is done. Python's signals reach its main thread only; here a cancellation reaches the thread
// that it was made for, and Ctrl-C and the interpreter's end reach the others. All of it is a KeyboardInterrupt there.
#pragma once

#include <atomic>

#include "binding.h"

namespace intarsia::python {

/// Whether the call that this thread is in should end. Needs no GIL and costs nothing.
[[nodiscard]] bool is_interrupted();
/// Throws the KeyboardInterrupt, or what a signal handler raised. With or without the GIL.
void check_interrupted();
/// Ends the calls that all threads but the main one are in; `for_good`: those to come, too.
void interrupt_threads();

/// Ends a call that runs on one thread from another one.
class Cancellation {
 public:
  void cancel() { cancelled_ = true; }
  /// Calls a Python function that is ended by cancel().
  nb::object run(nb::callable function, nb::args args, nb::kwargs kwargs);

 private:
  std::atomic<bool> cancelled_{false};
};

void bind_interruption(nb::module_& m);

}  // namespace intarsia::python
