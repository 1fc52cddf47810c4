// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "binding.h"

namespace intarsia::python {
namespace {

Query select(const Query& self, nb::list items) {
  std::vector<NamedExpr> named;
  for (const nb::handle item : items) {
    const nb::tuple pair = nb::cast<nb::tuple>(item);
    named.emplace_back(nb::cast<std::string>(pair[0]), nb::cast<Expr>(pair[1]));
  }
  return without_gil([&] { return self.select(std::move(named)); });
}

/// One batch.
std::optional<ResultSet> next_rows(Cursor& self) {
  const std::optional<Batch> batch = without_gil([&] { return self.next(); });
  if (!batch) return std::nullopt;
  std::vector<std::string> names;
  std::vector<Type> types;
  for (const auto& [name, type] : self.schema()) {
    names.push_back(name);
    types.push_back(type);
  }
  return ResultSet(std::move(names), std::move(types), {*batch});
}

}  // namespace

void bind_queries(nb::module_& m) {
  nb::class_<Cursor>(m, "Cursor", "The rows of a query, batch by batch.").def("next", next_rows);
  nb::class_<Query>(m, "Query", "A query over one table or view; immutable.")
      .def("select", select, nb::arg("items"), nb::sig("def select(self, items: list[tuple[str, Expr]]) -> Query"),
           "`items`: (name, expression) pairs; an empty name: the engine finds one.")
      .def("where", [](const Query& self, const Expr& e) { return without_gil([&] { return self.where(e); }); })
      .def("order_by",
           [](const Query& self, std::vector<Expr> keys, bool ascending) {
             return without_gil([&] { return self.order_by(std::move(keys), ascending); });
           })
      .def("group_by",
           [](const Query& self, std::vector<Expr> keys) {
             return without_gil([&] { return self.group_by(std::move(keys)); });
           })
      .def("limit", [](const Query& self, std::int64_t rows,
                       std::int64_t offset) { return without_gil([&] { return self.limit(rows, offset); }); })
      .def("schema", [](const Query& self) { return without_gil([&] { return self.schema(); }); })
      .def("collect", [](const Query& self) { return without_gil([&] { return self.collect(); }); })
      .def("cursor", [](const Query& self) { return without_gil([&] { return self.cursor(); }); })
      .def("count", [](const Query& self) { return without_gil([&] { return self.count(); }); })
      .def("head", [](const Query& self, std::int64_t n) { return without_gil([&] { return self.head(n); }); })
      .def("tail", [](const Query& self, std::int64_t n) { return without_gil([&] { return self.tail(n); }); })
      .def("explain", [](const Query& self) { return without_gil([&] { return self.explain(); }); });
}

}  // namespace intarsia::python
