// SPDX-License-Identifier: Apache-2.0
// The Arrow C data interface, and the capsules by which Python hands it around.
#pragma once

#include "binding.h"

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};
#endif

namespace intarsia::python {

/// (schema capsule, array capsule) of a batch, as __arrow_c_array__ gives them.
[[nodiscard]] nb::tuple arrow_capsules(const Batch& batch);
/// The batch of any object with __arrow_c_array__.
[[nodiscard]] Batch batch_of_arrow(const nb::object& source);

}  // namespace intarsia::python
