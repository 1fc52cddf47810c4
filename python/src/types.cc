// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "binding.h"

namespace intarsia::python {

void bind_types(nb::module_& m) {
  nb::class_<Type>(m, "Type", "The type of a column or an expression.")
      .def(
          "__init__",
          [](Type* self, std::string_view kind, bool nullable) { new (self) Type(parse_kind(kind), nullable); },
          nb::arg("kind"), nb::arg("nullable") = false)
      .def_static(
          "array",
          [](std::optional<std::string> dtype, std::vector<std::int64_t> shape) {
            return Type::array(dtype ? std::optional(parse_dtype(*dtype)) : std::nullopt, std::move(shape));
          },
          nb::arg("dtype").none(), nb::arg("shape"), "`shape`: -1 for a dimension of any length; empty for any shape.")
      .def_static(
          "image",
          [](int width, int height, std::optional<std::string> mode) {
            return Type::image(width, height, mode ? std::optional(parse_mode(*mode)) : std::nullopt);
          },
          nb::arg("width"), nb::arg("height"), nb::arg("mode").none())
      .def_prop_ro("kind", [](const Type& self) { return std::string(kind_name(self.kind())); })
      .def_prop_ro("nullable", &Type::nullable)
      .def_prop_ro("is_media", &Type::is_media)
      .def("as_nullable", &Type::as_nullable, nb::arg("nullable") = true)
      .def("accepts", &Type::accepts)
      .def("json", &Type::json)
      .def_static("from_json", &Type::from_json)
      .def(
          "__eq__", [](const Type& self, const Type& other) { return self == other; }, nb::is_operator(),
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__hash__", [](const Type& self) { return std::hash<std::string>{}(self.text()); })
      .def("__str__", &Type::text)
      .def("__repr__", &Type::text);
}

}  // namespace intarsia::python
