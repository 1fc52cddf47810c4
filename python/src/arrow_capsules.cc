// SPDX-License-Identifier: Apache-2.0
#include "arrow_capsules.h"

#include <memory>

namespace intarsia::python {
namespace {

template <typename T>
void release_capsule(PyObject* capsule) {
  auto* const content = static_cast<T*>(PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule)));
  if (content == nullptr) return;
  if (content->release != nullptr) content->release(content);
  delete content;
}

template <typename T>
nb::object capsule_of(std::unique_ptr<T> content, const char* name) {
  nb::object capsule = owned(PyCapsule_New(content.get(), name, release_capsule<T>));
  content.release();
  return capsule;
}

template <typename T>
T* content_of(const nb::object& capsule, const char* name) {
  auto* const content = static_cast<T*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (content == nullptr) raise_python();
  return content;
}

}  // namespace

nb::tuple arrow_capsules(const Batch& batch) {
  auto schema = std::make_unique<ArrowSchema>();
  auto array = std::make_unique<ArrowArray>();
  batch.export_to(array.get(), schema.get());
  return nb::make_tuple(capsule_of(std::move(schema), "arrow_schema"), capsule_of(std::move(array), "arrow_array"));
}

Batch batch_of_arrow(const nb::object& source) {
  const nb::object pair = source.attr("__arrow_c_array__")();
  auto* const schema = content_of<ArrowSchema>(pair[0], "arrow_schema");
  auto* const array = content_of<ArrowArray>(pair[1], "arrow_array");
  return without_gil([&] { return Batch::import_from(array, schema); });
}

}  // namespace intarsia::python
