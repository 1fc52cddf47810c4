// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "arrow_capsules.h"
#include "binding.h"
#include "choices.h"
#include "column_specs.h"
#include "row_reader.h"
#include "times.h"

namespace intarsia::python {
namespace {

constexpr std::int64_t kRowsPerBatch = 1 << 14;

template <typename T>
std::optional<T> given(const nb::dict& fields, const char* name) {
  const nb::object value = fields[name];
  if (value.is_none()) return std::nullopt;
  return nb::cast<T>(value);
}

/// Rows from an iterator over dicts; a few at once, more than a batch while the engine works on the batch before.
UpdateStatus insert_rows(Table& self, nb::iterable rows, std::string_view on_error) {
  const EngineCall call;  // reading the rows is part of it
  const InsertOptions options{parse_on_error(on_error)};
  RowReader reader(self);
  const nb::object iterator = owned(PyObject_GetIter(rows.ptr()));
  std::optional<Batch> first = reader.read(iterator.ptr(), kRowsPerBatch);
  if (!first)
    throw Error(ErrorCode::kUnsupportedOperation, "insert into '" + self.path() + "': there are no rows to insert");
  if (first->num_rows() < kRowsPerBatch) return without_gil([&] { return self.insert(*first, options); });
  const auto next = [&]() -> std::optional<Batch> {
    if (first) return std::exchange(first, std::nullopt);
    const nb::gil_scoped_acquire acquired;
    return reader.read(iterator.ptr(), kRowsPerBatch);
  };
  return without_gil([&] { return self.insert(next, options); });
}

UpdateStatus insert_columns(Table& self, nb::dict columns, std::string_view on_error) {
  const InsertOptions options{parse_on_error(on_error)};
  const Batch batch = RowReader(self).read_columns(columns);
  return without_gil([&] { return self.insert(batch, options); });
}

/// Record batches of Arrow, one after the other.
UpdateStatus insert_arrow(Table& self, nb::iterable batches, std::string_view on_error) {
  const InsertOptions options{parse_on_error(on_error)};
  RowReader reader(self);
  const nb::object iterator = owned(PyObject_GetIter(batches.ptr()));
  const auto next = [&]() -> std::optional<Batch> {
    const nb::gil_scoped_acquire acquired;
    const nb::object batch = nb::steal<nb::object>(PyIter_Next(iterator.ptr()));
    if (batch.is_valid()) return reader.fit(batch_of_arrow(batch));
    if (PyErr_Occurred() != nullptr) raise_python();
    return std::nullopt;
  };
  return without_gil([&] { return self.insert(next, options); });
}

template <typename Member>
auto property(Member member) {
  return [member](const Table& self) { return without_gil([&] { return (self.*member)(); }); };
}

std::string media_validation_word(MediaValidation when) {
  return when == MediaValidation::kOnWrite ? "on_write" : "on_read";
}

void bind_update_status(nb::module_& m) {
  nb::class_<RowCounts>(m, "RowCounts")
      .def_ro("inserted", &RowCounts::inserted)
      .def_ro("updated", &RowCounts::updated)
      .def_ro("deleted", &RowCounts::deleted)
      .def_ro("errors", &RowCounts::errors)
      .def_ro("computed_values", &RowCounts::computed_values);
  nb::class_<UpdateStatus>(m, "UpdateStatus")
      .def_ro("table", &UpdateStatus::table)
      .def_ro("cascade", &UpdateStatus::cascade)
      .def_ro("updated_columns", &UpdateStatus::updated_columns)
      .def_ro("columns_with_errors", &UpdateStatus::columns_with_errors);
  nb::class_<VersionInfo>(m, "VersionInfo")
      .def_ro("version", &VersionInfo::version)
      .def_prop_ro(
          "created_at", [](const VersionInfo& self) { return nb::steal(datetime_object(self.created_at)); },
          nb::sig("def created_at(self) -> typing.Any"))
      .def_ro("user", &VersionInfo::user)
      .def_ro("schema_change", &VersionInfo::schema_change)
      .def_ro("counts", &VersionInfo::counts)
      .def_ro("description", &VersionInfo::description);
  nb::class_<ColumnInfo>(m, "ColumnInfo")
      .def_ro("name", &ColumnInfo::name)
      .def_ro("type", &ColumnInfo::type)
      .def_prop_ro("value",
                   [](const ColumnInfo& self) { return self.value.empty() ? std::nullopt : std::optional(self.value); })
      .def_ro("stored", &ColumnInfo::stored)
      .def_ro("primary_key", &ColumnInfo::primary_key)
      .def_ro("from_iterator", &ColumnInfo::from_iterator)
      .def_ro("comment", &ColumnInfo::comment)
      .def_ro("custom_metadata", &ColumnInfo::custom_metadata)
      .def_prop_ro("media_validation",
                   [](const ColumnInfo& self) -> std::optional<std::string> {
                     if (!self.media_validation) return std::nullopt;
                     return media_validation_word(*self.media_validation);
                   })
      .def_ro("defined_in", &ColumnInfo::defined_in)
      .def_ro("table_id", &ColumnInfo::table_id)
      .def_ro("version_added", &ColumnInfo::version_added);
  nb::class_<TableInfo>(m, "TableInfo")
      .def_ro("uuid", &TableInfo::uuid)
      .def_ro("name", &TableInfo::name)
      .def_ro("path", &TableInfo::path)
      .def_ro("kind", &TableInfo::kind)
      .def_ro("comment", &TableInfo::comment)
      .def_ro("custom_metadata", &TableInfo::custom_metadata)
      .def_prop_ro("media_validation",
                   [](const TableInfo& self) { return media_validation_word(self.media_validation); })
      .def_ro("iterator", &TableInfo::iterator)
      .def_ro("predicate", &TableInfo::predicate)
      .def_ro("columns", &TableInfo::columns);
}

}  // namespace

ColumnSpec column_spec_of(nb::handle item) {
  const nb::dict fields = nb::cast<nb::dict>(item);
  ColumnSpec spec;
  spec.name = nb::cast<std::string>(nb::object(fields["name"]));
  if (const auto type = given<Type>(fields, "type")) spec.type = *type;
  if (const auto value = given<Expr>(fields, "value")) spec.value = *value;
  spec.stored = given<bool>(fields, "stored");
  spec.primary_key = given<bool>(fields, "primary_key").value_or(false);
  if (const auto word = given<std::string>(fields, "media_validation"))
    spec.media_validation = parse_media_validation(*word);
  spec.comment = given<std::string>(fields, "comment").value_or("");
  spec.custom_metadata = given<std::string>(fields, "custom_metadata").value_or("");
  return spec;
}

std::vector<ColumnSpec> column_specs_of(nb::list columns) {
  std::vector<ColumnSpec> specs;
  for (const nb::handle column : columns) specs.push_back(column_spec_of(column));
  return specs;
}

void bind_tables(nb::module_& m) {
  m.def(
      "arrow_types",
      [](nb::object source) {
        const Batch batch = batch_of_arrow(source);
        std::vector<std::pair<std::string, Type>> types;
        for (int i = 0; i < batch.num_columns(); ++i)
          types.emplace_back(batch.names()[static_cast<std::size_t>(i)], batch.column(i).type());
        return types;
      },
      nb::arg("batch"), "The types that the columns of an Arrow record batch become.");
  bind_update_status(m);
  nb::class_<Table>(m, "Table", "A handle to a table or view.")
      .def_prop_ro("id", &Table::id)
      .def("info", property(&Table::info))
      .def_prop_ro("path", property(&Table::path))
      .def_prop_ro("base", property(&Table::base))
      .def_prop_ro("version", property(&Table::version))
      .def("query", property(&Table::query))
      .def(
          "views", [](const Table& self, bool recursive) { return without_gil([&] { return self.views(recursive); }); },
          nb::arg("recursive"))
      .def(
          "history",
          [](const Table& self, std::optional<std::int64_t> newest) {
            return without_gil([&] { return self.history(newest); });
          },
          nb::arg("newest").none())
      .def(
          "column", [](const Table& self, std::string_view name) { return without_gil([&] { return self[name]; }); },
          nb::arg("name"))
      .def("insert_rows", insert_rows, nb::arg("rows"), nb::arg("on_error"),
           nb::sig("def insert_rows(self, rows: collections.abc.Iterable[typing.Any], on_error: str) -> UpdateStatus"))
      .def("insert_columns", insert_columns, nb::arg("columns"), nb::arg("on_error"),
           nb::sig("def insert_columns(self, columns: dict[str, typing.Any], on_error: str) -> UpdateStatus"))
      .def("insert_arrow", insert_arrow, nb::arg("batches"), nb::arg("on_error"),
           nb::sig(
               "def insert_arrow(self, batches: collections.abc.Iterable[typing.Any], on_error: str) -> UpdateStatus"))
      .def(
          "update",
          [](Table& self, const std::vector<std::pair<std::string, Expr>>& values, const std::optional<Expr>& where,
             bool cascade) {
            std::vector<NamedExpr> named;
            for (const auto& [name, expr] : values) named.emplace_back(name, expr);
            return without_gil([&] { return self.update(named, where.value_or(Expr()), {cascade}); });
          },
          nb::arg("values"), nb::arg("where").none(), nb::arg("cascade"),
          nb::sig(
              "def update(self, values: list[tuple[str, Expr]], where: Expr | None, cascade: bool) -> UpdateStatus"))
      .def(
          "delete_rows",
          [](Table& self, const std::optional<Expr>& where) {
            return without_gil([&] { return self.delete_rows(where.value_or(Expr())); });
          },
          nb::arg("where").none(), nb::sig("def delete_rows(self, where: Expr | None) -> UpdateStatus"))
      .def(
          "add_computed_column",
          [](Table& self, nb::dict column, std::string_view on_error, std::string_view if_exists) {
            const ColumnSpec spec = column_spec_of(column);
            const OnError policy = parse_on_error(on_error);
            const IfExists existing = parse_if_exists(if_exists);
            return without_gil([&] { return self.add_computed_column(spec, policy, existing); });
          },
          nb::arg("column"), nb::arg("on_error"), nb::arg("if_exists"),
          nb::sig("def add_computed_column(self, column: dict[str, typing.Any], on_error: str, if_exists: str) -> "
                  "UpdateStatus"))
      .def(
          "add_columns",
          [](Table& self, nb::list columns, std::string_view if_exists) {
            const std::vector<ColumnSpec> specs = column_specs_of(columns);
            const IfExists existing = parse_if_exists(if_exists);
            return without_gil([&] { return self.add_columns(specs, OnError::kAbort, existing); });
          },
          nb::arg("columns"), nb::arg("if_exists"),
          nb::sig("def add_columns(self, columns: list[dict[str, typing.Any]], if_exists: str) -> UpdateStatus"))
      .def(
          "drop_column",
          [](Table& self, const std::string& column, std::string_view if_not_exists) {
            const IfNotExists missing = parse_if_not_exists(if_not_exists);
            without_gil([&] { self.drop_column(column, missing); });
          },
          nb::arg("column"), nb::arg("if_not_exists"))
      .def(
          "rename_column",
          [](Table& self, const std::string& column, const std::string& new_name) {
            without_gil([&] { self.rename_column(column, new_name); });
          },
          nb::arg("column"), nb::arg("new_name"));
}

}  // namespace intarsia::python
