// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "arrow_capsules.h"
#include "binding.h"
#include "cells_out.h"

namespace intarsia::python {
namespace {

/// Keeps the collector from walking what is being made: it is all alive.
class NoCollection {
 public:
  NoCollection() : was_enabled_(PyGC_Disable()) {}
  NoCollection(const NoCollection&) = delete;
  NoCollection& operator=(const NoCollection&) = delete;
  ~NoCollection() {
    if (was_enabled_ != 0) PyGC_Enable();
  }

 private:
  int was_enabled_;
};

/// Calls visit(batch, first row in it, rows) for the batches that hold rows [begin, end).
template <typename Visit>
void visit_batches(const ResultSet& result, std::int64_t begin, std::int64_t end, const Visit& visit) {
  std::int64_t first = 0;
  for (const Batch& batch : result.batches()) {
    const std::int64_t from = std::max(begin - first, std::int64_t{0});
    const std::int64_t until = std::min(end - first, batch.num_rows());
    if (from < until) visit(batch, from, until - from);
    first += batch.num_rows();
  }
}

std::vector<std::unique_ptr<CellReader>> readers_of(const Batch& batch) {
  std::vector<std::unique_ptr<CellReader>> readers;
  for (const Column& column : batch.columns()) readers.push_back(std::make_unique<CellReader>(column));
  return readers;
}

nb::list rows_as_dicts(const ResultSet& self, std::int64_t begin, std::int64_t end) {
  const NoCollection quiet;
  std::vector<nb::object> names;
  for (const std::string& name : self.names()) names.push_back(owned(PyUnicode_InternFromString(name.c_str())));
  nb::list rows;
  visit_batches(self, begin, end, [&](const Batch& batch, std::int64_t from, std::int64_t count) {
    const auto readers = readers_of(batch);
    for (std::int64_t row = from; row < from + count; ++row) {
      const nb::object dict = owned(PyDict_New());
      for (std::size_t i = 0; i < names.size(); ++i) {
        const nb::object cell = nb::steal<nb::object>(readers[i]->at(row));
        if (PyDict_SetItem(dict.ptr(), names[i].ptr(), cell.ptr()) != 0) raise_python();
      }
      if (PyList_Append(rows.ptr(), dict.ptr()) != 0) raise_python();
    }
  });
  return rows;
}

nb::list column_as_list(const ResultSet& self, int column, std::int64_t begin, std::int64_t end) {
  const NoCollection quiet;
  nb::list cells;
  visit_batches(self, begin, end, [&](const Batch& batch, std::int64_t from, std::int64_t count) {
    CellReader reader(batch.column(column));
    for (std::int64_t row = from; row < from + count; ++row) {
      const nb::object cell = nb::steal<nb::object>(reader.at(row));
      if (PyList_Append(cells.ptr(), cell.ptr()) != 0) raise_python();
    }
  });
  return cells;
}

/// Rows by number, in the order given.
ResultSet taken(const ResultSet& self, const std::vector<std::int64_t>& rows) {
  std::vector<Batch> batches;
  for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    std::int64_t first = 0;
    std::size_t place = 0;
    while (rows[begin] >= first + self.batches()[place].num_rows()) first += self.batches()[place++].num_rows();
    const Batch& batch = self.batches()[place];
    std::vector<std::int64_t> within;
    for (; end < rows.size() && rows[end] >= first && rows[end] < first + batch.num_rows(); ++end)
      within.push_back(rows[end] - first);
    batches.push_back(batch.take(within));
  }
  return {self.names(), self.types(), std::move(batches)};
}

bool is_plain(const Column& column) {
  if (column.is_constant()) return false;
  for (std::int64_t row = 0; row < column.length(); ++row)
    if (column.is_null(row)) return false;
  return true;
}

/// The 8-byte numbers of an Int or Float column without nulls, as a bytearray; None for any other.
nb::object column_as_numbers(const ResultSet& self, int column) {
  const TypeKind kind = self.types()[static_cast<std::size_t>(column)].kind();
  if (kind != TypeKind::kInt && kind != TypeKind::kFloat) return nb::none();
  for (const Batch& batch : self.batches())
    if (!is_plain(batch.column(column)) || batch.column(column).type().kind() != kind) return nb::none();
  nb::object bytes = owned(PyByteArray_FromStringAndSize(nullptr, self.num_rows() * 8));
  char* out = PyByteArray_AS_STRING(bytes.ptr());
  for (const Batch& batch : self.batches()) {
    const Column& cells = batch.column(column);
    for (std::int64_t row = 0; row < cells.length(); ++row, out += 8) {
      if (kind == TypeKind::kInt)
        *reinterpret_cast<std::int64_t*>(out) = cells.int_at(row);
      else
        *reinterpret_cast<double*>(out) = cells.float_at(row);
    }
  }
  return bytes;
}

/// A batch as pyarrow takes it.
struct ArrowBatch {
  Batch batch;
};

std::vector<ArrowBatch> arrow_batches(const ResultSet& self) {
  std::vector<ArrowBatch> batches;
  for (const Batch& batch : self.batches()) batches.push_back({batch});
  if (!batches.empty()) return batches;
  std::vector<Column> columns;  // none: an empty one carries the types
  for (const Type& type : self.types()) columns.push_back(ColumnBuilder(type).finish());
  return {{Batch(self.names(), std::move(columns))}};
}

}  // namespace

void bind_results(nb::module_& m) {
  nb::class_<ArrowBatch>(m, "ArrowBatch", "A batch by the Arrow C data interface.")
      .def(
          "__arrow_c_array__", [](const ArrowBatch& self, nb::object) { return arrow_capsules(self.batch); },
          nb::arg("requested_schema").none() = nb::none(),
          nb::sig("def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]"));
  nb::class_<ResultSet>(m, "ResultSet", "All rows of a query, in memory.")
      .def_prop_ro("names", [](const ResultSet& self) { return self.names(); })
      .def_prop_ro("types", [](const ResultSet& self) { return self.types(); })
      .def_prop_ro("num_rows", &ResultSet::num_rows)
      .def("rows", rows_as_dicts, nb::arg("begin"), nb::arg("end"),
           nb::sig("def rows(self, begin: int, end: int) -> list[dict[str, typing.Any]]"))
      .def("column", column_as_list, nb::arg("column"), nb::arg("begin"), nb::arg("end"),
           nb::sig("def column(self, column: int, begin: int, end: int) -> list[typing.Any]"))
      .def("take", taken, nb::arg("rows"), nb::keep_alive<0, 1>())
      .def("numbers", column_as_numbers, nb::arg("column"),
           nb::sig("def numbers(self, column: int) -> bytearray | None"))
      .def("arrow_batches", arrow_batches);
}

}  // namespace intarsia::python
