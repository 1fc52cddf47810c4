// SPDX-License-Identifier: Apache-2.0
#include "row_reader.h"

#include <algorithm>
#include <cstring>

#include "cells_in.h"
#include "cells_out.h"
#include "interruption.h"
#include "media_in.h"

namespace intarsia::python {
namespace {

constexpr std::int64_t kRowsPerReservation = 1 << 14;

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

/// Integers and floats of a NumPy array, without an object for each. False: not that kind of array.
bool append_numbers(ColumnBuilder& out, const Type& type, PyObject* values) {
  if (std::strcmp(Py_TYPE(values)->tp_name, "numpy.ndarray") != 0) return false;
  const BufferView buffer(values, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT);
  const Py_buffer& view = buffer.view();
  if (view.ndim != 1 || view.itemsize != 8 || view.format == nullptr) return false;
  const bool is_int = std::strchr("lq", view.format[0]) != nullptr, is_float = view.format[0] == 'd';
  const std::int64_t rows = view.shape[0];
  out.reserve(rows);
  if (is_int && type.kind() == TypeKind::kInt) {
    for (std::int64_t i = 0; i < rows; ++i) out.append_int(static_cast<const std::int64_t*>(view.buf)[i]);
  } else if (is_int && type.kind() == TypeKind::kFloat) {
    for (std::int64_t i = 0; i < rows; ++i)
      out.append_float(static_cast<double>(static_cast<const std::int64_t*>(view.buf)[i]));
  } else if (is_float && type.kind() == TypeKind::kFloat) {
    for (std::int64_t i = 0; i < rows; ++i) out.append_float(static_cast<const double*>(view.buf)[i]);
  } else {
    return false;
  }
  return true;
}

}  // namespace

RowReader::RowReader(const Table& table) {
  const TableInfo info = without_gil([&] { return table.info(); });
  path_ = info.path;
  if (info.base_id != 0) fail(ErrorCode::kUnsupportedOperation, "it is a view; insert into its base");
  for (const ColumnInfo& column : info.columns) {
    if (column.table_id != info.id) continue;
    if (!column.value.empty() || column.from_iterator) {
      computed_.push_back(column.name);
      continue;
    }
    PyObject* const key = PyUnicode_InternFromString(column.name.c_str());
    targets_.push_back({owned(key), column.name, column.type, !column.type.nullable()});
    names_.push_back(column.name);
  }
}

void RowReader::fail(ErrorCode code, const std::string& what) const {
  throw Error(code, "insert into '" + path_ + "': " + what);
}

void RowReader::fail_cell(const Target& target, const std::string& what, std::int64_t row) const {
  fail(ErrorCode::kUnsupportedOperation, "column '" + target.name + "' " + what + " (row " + std::to_string(row) + ")");
}

void RowReader::fail_unknown(std::string_view name, const std::string& where) const {
  const std::string column = "column '" + std::string(name) + "'";
  if (std::find(computed_.begin(), computed_.end(), name) != computed_.end())
    fail(ErrorCode::kUnsupportedOperation, column + " is computed and takes no values (" + where + ")");
  fail(ErrorCode::kColumnNotFound, "there is no " + column + " (" + where + "); its columns: " + quoted_list(names_));
}

void RowReader::require(const std::vector<const Target*>& missing, const std::string& where) const {
  std::vector<std::string> names;
  for (const Target* const target : missing) names.push_back(target->name);
  if (!names.empty())
    fail(ErrorCode::kMissingRequired, "missing required column(s) " + quoted_list(names) + " (" + where + ")");
}

void RowReader::append_row(PyObject* row, std::vector<ColumnBuilder>& builders) {
  const std::int64_t number = rows_;
  if (!PyDict_Check(row))
    fail(ErrorCode::kUnsupportedOperation,
         "rows are dicts {column name: value}, got " + described(row) + " (row " + std::to_string(number) + ")");
  Py_ssize_t found = 0;
  std::vector<const Target*> missing;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const Target& target = targets_[i];
    PyObject* const value = PyDict_GetItemWithError(row, target.key.ptr());
    if (value == nullptr) {
      if (PyErr_Occurred() != nullptr) raise_python();
      if (target.required)
        missing.push_back(&target);
      else
        builders[i].append_null();
      continue;
    }
    ++found;
    try {
      append_object(builders[i], target.type, value);
    } catch (const UnfitCell& unfit) {
      fail_cell(target, unfit.what(), number);
    } catch (const Error& failure) {
      fail_cell(target, failure.what(), number);
    }
  }
  if (found != PyDict_GET_SIZE(row)) {
    PyObject *key = nullptr, *value = nullptr;
    Py_ssize_t at = 0;
    while (PyDict_Next(row, &at, &key, &value)) {
      const std::string name = PyUnicode_Check(key) ? std::string(utf8_of(key)) : described(key);
      if (std::find(names_.begin(), names_.end(), name) == names_.end())
        fail_unknown(name, "row " + std::to_string(number));
    }
  }
  if (!missing.empty()) require(missing, "row " + std::to_string(number));
  ++rows_;
}

std::optional<Batch> RowReader::read(PyObject* iterator, std::int64_t rows) {
  std::vector<ColumnBuilder> builders;
  for (const Target& target : targets_) builders.emplace_back(target.type);
  const std::int64_t first = rows_;
  while (rows_ - first < rows) {
    if (is_interrupted()) check_interrupted();
    const nb::object row = nb::steal<nb::object>(PyIter_Next(iterator));
    if (!row.is_valid()) {
      if (PyErr_Occurred() != nullptr) raise_python();
      break;
    }
    if (rows_ == first + 2)  // it is more than a row or two
      for (ColumnBuilder& builder : builders) builder.reserve(std::min(rows, kRowsPerReservation));
    append_row(row.ptr(), builders);
  }
  if (rows_ == first) return std::nullopt;
  std::vector<Column> columns;
  for (ColumnBuilder& builder : builders) columns.push_back(builder.finish());
  return Batch(names_, std::move(columns));
}

const RowReader::Target& RowReader::target_of(std::string_view name, const std::string& where) {
  for (const Target& target : targets_)
    if (target.name == name) return target;
  fail_unknown(name, where);
}

void RowReader::require_all(const std::vector<std::string>& given) {
  std::vector<const Target*> missing;
  for (const Target& target : targets_)
    if (target.required && std::find(given.begin(), given.end(), target.name) == given.end())
      missing.push_back(&target);
  require(missing, "every row");
}

Column RowReader::column_from(const Target& target, PyObject* values) {
  ColumnBuilder builder(target.type);
  if (append_numbers(builder, target.type, values)) return builder.finish();
  const nb::object items = owned(PySequence_Fast(values, "a column is a list or a NumPy array"));
  const Py_ssize_t rows = PySequence_Fast_GET_SIZE(items.ptr());
  builder.reserve(rows);
  for (Py_ssize_t row = 0; row < rows; ++row) {
    try {
      append_object(builder, target.type, PySequence_Fast_GET_ITEM(items.ptr(), row));
    } catch (const UnfitCell& unfit) {
      fail_cell(target, unfit.what(), row);
    }
  }
  return builder.finish();
}

Batch RowReader::read_columns(const nb::dict& columns) {
  std::vector<std::string> names;
  std::vector<Column> made;
  for (const auto& [name, values] : columns) {
    names.emplace_back(utf8_of(name.ptr()));
    made.push_back(column_from(target_of(names.back(), "a column of the source"), values.ptr()));
  }
  require_all(names);
  return Batch(std::move(names), std::move(made));
}

Column RowReader::fitted(const Target& target, const Column& column) {
  bool nulls = false;
  for (std::int64_t row = 0; row < column.length() && target.required && !nulls; ++row) {
    nulls = column.is_null(row);
    if (nulls) fail_cell(target, "needs " + with_article(target.type) + ", got None", row);
  }
  const TypeKind kind = column.type().kind();
  if (kind == target.type.kind() && kind != TypeKind::kArray) return column.with_type(target.type);
  ColumnBuilder builder(target.type);
  builder.reserve(column.length());
  CellReader cells(column);
  for (std::int64_t row = 0; row < column.length(); ++row) {
    try {
      append_object(builder, target.type, owned(cells.at(row)).ptr());
    } catch (const UnfitCell& unfit) {
      fail_cell(target, unfit.what(), row);
    }
  }
  return builder.finish();
}

Batch RowReader::fit(const Batch& batch) {
  std::vector<Column> columns;
  for (int i = 0; i < batch.num_columns(); ++i)
    columns.push_back(
        fitted(target_of(batch.names()[static_cast<std::size_t>(i)], "a column of the source"), batch.column(i)));
  require_all(batch.names());
  return Batch(batch.names(), std::move(columns));
}

}  // namespace intarsia::python
