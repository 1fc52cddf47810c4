// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "binding.h"
#include "cells_in.h"
#include "cells_out.h"

namespace intarsia::python {
namespace {

Value literal_value(nb::handle object) {
  try {
    return value_of(object.ptr());
  } catch (const UnfitCell& unfit) {
    throw Error(ErrorCode::kInvalidExpression, "an operand " + std::string(unfit.what()));
  }
}

Expr typed_literal(nb::handle object, const Type& type) {
  try {
    return Expr::literal(value_of(object.ptr(), type), type);
  } catch (const UnfitCell& unfit) {
    throw Error(ErrorCode::kTypeMismatch, "a literal " + std::string(unfit.what()));
  }
}

std::vector<Value> values_of(nb::iterable items) {
  std::vector<Value> values;
  for (const nb::handle item : items) values.push_back(literal_value(item));
  return values;
}

std::vector<Expr> exprs_of(nb::sequence items) {
  std::vector<Expr> exprs;
  for (const nb::handle item : items) exprs.push_back(nb::cast<Expr>(item));
  return exprs;
}

/// Column names in an expression, each once.
void add_columns(const Expr& expr, std::vector<std::pair<std::int64_t, std::string>>& columns) {
  if (expr.kind() == Expr::Kind::kColumn) {
    const std::pair<std::int64_t, std::string> column(expr.table_id(), expr.name());
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
  }
  for (const Expr& arg : expr.args()) add_columns(arg, columns);
}

/// Names of the functions that an expression calls.
void add_calls(const Expr& expr, std::vector<std::string>& names) {
  if (expr.kind() == Expr::Kind::kCall) names.push_back(expr.name());
  for (const Expr& arg : expr.args()) add_calls(arg, names);
}

}  // namespace

void bind_exprs(nb::module_& m) {
  nb::class_<Expr>(m, "Expr", "An expression: a literal, a column, or a call.")
      .def_static(
          "literal", [](nb::object value) { return Expr(literal_value(value)); }, nb::arg("value").none())
      .def_static(
          "typed_literal", [](nb::object value, const Type& type) { return typed_literal(value, type); },
          nb::arg("value").none(), nb::arg("type"))
      .def_static(
          "call",
          [](std::string_view function, nb::sequence positional, nb::dict named) {
            std::vector<std::pair<std::string, Expr>> by_name;
            for (const auto& [name, arg] : named)
              by_name.emplace_back(nb::cast<std::string>(name), nb::cast<Expr>(arg));
            std::vector<Expr> args = exprs_of(positional);
            return without_gil([&] { return Expr::call(function, std::move(args), std::move(by_name)); });
          },
          nb::arg("function"), nb::arg("positional"), nb::arg("named"),
          nb::sig(
              "def call(function: str, positional: collections.abc.Sequence[Expr], named: dict[str, Expr]) -> Expr"))
      .def_prop_ro("kind",
                   [](const Expr& self) {
                     constexpr const char* kKinds[] = {"literal", "column", "call"};
                     return kKinds[static_cast<int>(self.kind())];
                   })
      .def_prop_ro("type", [](const Expr& self) { return self.type(); })
      .def_prop_ro(
          "name", [](const Expr& self) { return self.name(); }, "Of a column or of the function of a call.")
      .def_prop_ro("table_id", &Expr::table_id)
      .def_prop_ro(
          "value", [](const Expr& self) { return nb::steal(object_of(self.value())); },
          nb::sig("def value(self) -> typing.Any"))
      .def_prop_ro("columns",
                   [](const Expr& self) {
                     std::vector<std::pair<std::int64_t, std::string>> columns;
                     add_columns(self, columns);
                     return columns;
                   })
      .def_prop_ro("calls",
                   [](const Expr& self) {
                     std::vector<std::string> names;
                     add_calls(self, names);
                     return names;
                   })
      .def("text", &Expr::text)
      .def("suggested_name", &Expr::suggested_name)
      .def("json", &Expr::json)
      .def_static("from_json", &Expr::from_json)
      .def("same_as", &Expr::same_as)
      .def(
          "path", [](const Expr& self, const std::string& steps) { return self.path(Json{steps}); }, nb::arg("steps"))
      .def("astype", &Expr::astype)
      .def(
          "isin", [](const Expr& self, nb::iterable values) { return self.isin(values_of(values)); },
          nb::sig("def isin(self, values: collections.abc.Iterable[object]) -> Expr"));
}

}  // namespace intarsia::python
