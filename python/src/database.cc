// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "binding.h"
#include "choices.h"
#include "column_specs.h"
#include "intarsia/doctor.h"
#include "intarsia/testing.h"
#include "interruption.h"

namespace intarsia::python {
namespace {

Database open(const std::vector<std::pair<std::string, std::string>>& overrides) {
  Database database = without_gil([&] { return Database::open(Config::load(overrides)); });
  database.set_interrupt_check(check_interrupted);
  return database;
}

/// `show(operation, rows, total, cells, seconds, finished)` gets what long work reports.
void set_progress(Database& self, nb::object show) {
  if (show.is_none()) return self.set_progress(nullptr);
  PyObject* const kept = show.release().ptr();  // until the process ends
  self.set_progress([kept](const Progress& progress) {
    const nb::gil_scoped_acquire acquired;
    nb::borrow(kept)(progress.operation.c_str(), progress.rows, progress.total, progress.cells, progress.seconds,
                     progress.finished);
  });
}

TableOptions options_of(std::string_view if_exists, std::string_view media_validation, std::string_view on_error,
                        std::string comment, std::string custom_metadata) {
  return {parse_if_exists(if_exists), parse_media_validation(media_validation), parse_on_error(on_error),
          std::move(comment), std::move(custom_metadata)};
}

Table create_table(Database& self, std::string_view path, nb::list columns, std::string_view if_exists,
                   std::string_view media_validation, std::string_view on_error, std::string comment,
                   std::string custom_metadata) {
  const auto specs = column_specs_of(columns);
  const TableOptions options =
      options_of(if_exists, media_validation, on_error, std::move(comment), std::move(custom_metadata));
  return without_gil([&] { return self.create_table(path, specs, options); });
}

Table create_view(Database& self, std::string_view path, const Table& base, std::optional<Expr> iterator,
                  std::optional<Expr> predicate, nb::list columns, std::string_view if_exists,
                  std::string_view media_validation, std::string comment, std::string custom_metadata) {
  const auto specs = column_specs_of(columns);
  const TableOptions options =
      options_of(if_exists, media_validation, "abort", std::move(comment), std::move(custom_metadata));
  return without_gil([&] {
    return self.create_view(path, base, iterator.value_or(Expr()), predicate.value_or(Expr()), specs, options);
  });
}

void bind_config(nb::module_& m) {
  m.def(
      "load_config",
      [](const std::vector<std::pair<std::string, std::string>>& overrides) {
        const Config config = Config::load(overrides);
        nb::dict values;
        values["home"] = config.home.string();
        values["db_url"] = config.db_url;
        values["verbosity"] = config.verbosity;
        return values;
      },
      nb::arg("overrides"),
      nb::sig("def load_config(overrides: collections.abc.Sequence[tuple[str, str]]) -> dict[str, typing.Any]"),
      "Reads the configuration; starts nothing.");
  m.def("arm_fault", &arm_fault, nb::arg("action"), nb::arg("nth"), "For tests: something breaks at a write point.");
  m.def("fault_points_passed", &fault_points_passed);
  m.def("setting_names", [] {
    std::vector<std::string> names;
    for (const Setting& setting : settings()) names.emplace_back(setting.name);
    return names;
  });
  m.def(
      "stop_server",
      [](const std::vector<std::pair<std::string, std::string>>& overrides) {
        return without_gil([&] { return stop_server(Config::load(overrides)); });
      },
      nb::arg("overrides"), "Ends the home's server; says whether one was running.");
  m.def(
      "examine",
      [](const std::vector<std::pair<std::string, std::string>>& overrides, bool fix) {
        std::vector<std::tuple<std::string, std::string, std::string, bool>> rows;
        for (const Finding& found : without_gil([&] { return examine(overrides, fix); }))
          rows.emplace_back(found.where, found.what, found.cure, found.mended);
        return rows;
      },
      nb::arg("overrides"), nb::arg("fix"),
      "What is wrong with an instance: where, what, cure, whether it was mended.");
}

}  // namespace

void bind_database(nb::module_& m) {
  bind_config(m);
  m.attr("version") = INTARSIA_VERSION;
  nb::class_<DirectoryEntry>(m, "DirectoryEntry")
      .def_ro("path", &DirectoryEntry::path)
      .def_ro("name", &DirectoryEntry::name)
      .def_ro("kind", &DirectoryEntry::kind)
      .def_ro("base", &DirectoryEntry::base)
      .def_ro("version", &DirectoryEntry::version);
  nb::class_<Database>(m, "Database", "An instance.")
      .def_static("open", open, nb::arg("overrides"))
      .def_prop_ro("home", [](const Database& self) { return self.config().home.string(); })
      .def_prop_ro("verbosity", [](const Database& self) { return self.config().verbosity; })
      .def_prop_ro("retry_seconds", [](const Database& self) { return self.config().retry_seconds; })
      .def("set_progress", set_progress, nb::arg("show").none(),
           nb::sig("def set_progress(self, show: collections.abc.Callable[[str, int, int, int, float, bool], None] | "
                   "None) -> None"))
      .def(
          "create_directory",
          [](Database& self, std::string_view path, std::string_view if_exists, bool parents) {
            const IfExists existing = parse_if_exists(if_exists);
            without_gil([&] { self.create_directory(path, existing, parents); });
          },
          nb::arg("path"), nb::arg("if_exists"), nb::arg("parents"))
      .def(
          "drop_directory",
          [](Database& self, std::string_view path, bool force, std::string_view if_not_exists) {
            const IfNotExists missing = parse_if_not_exists(if_not_exists);
            without_gil([&] { self.drop_directory(path, force, missing); });
          },
          nb::arg("path"), nb::arg("force"), nb::arg("if_not_exists"))
      .def(
          "entries",
          [](const Database& self, std::string_view path, bool recursive) {
            return without_gil([&] { return self.list(path, recursive); });
          },
          nb::arg("path"), nb::arg("recursive"))
      .def("create_table", create_table, nb::arg("path"), nb::arg("columns"), nb::arg("if_exists"),
           nb::arg("media_validation"), nb::arg("on_error"), nb::arg("comment"), nb::arg("custom_metadata"),
           nb::sig("def create_table(self, path: str, columns: list[dict[str, typing.Any]], if_exists: str, "
                   "media_validation: str, on_error: str, comment: str, custom_metadata: str) -> Table"))
      .def("create_view", create_view, nb::arg("path"), nb::arg("base"), nb::arg("iterator").none(),
           nb::arg("predicate").none(), nb::arg("columns"), nb::arg("if_exists"), nb::arg("media_validation"),
           nb::arg("comment"), nb::arg("custom_metadata"),
           nb::sig("def create_view(self, path: str, base: Table, iterator: Expr | None, predicate: Expr | None, "
                   "columns: list[dict[str, typing.Any]], if_exists: str, media_validation: str, comment: str, "
                   "custom_metadata: str) -> Table"))
      .def(
          "get_table",
          [](const Database& self, std::string_view path) { return without_gil([&] { return self.get_table(path); }); },
          nb::arg("path"))
      .def(
          "table_of_id",
          [](const Database& self, std::int64_t id) {
            Table table(self.engine(), id);
            without_gil([&] { return table.info(); });
            return table;
          },
          nb::arg("id"), "Throws when there is no such table (any more).")
      .def(
          "find_table",
          [](const Database& self, std::string_view path) {
            return without_gil([&] { return self.find_table(path); });
          },
          nb::arg("path"))
      .def(
          "drop_table",
          [](Database& self, std::string_view path, bool force, std::string_view if_not_exists) {
            const IfNotExists missing = parse_if_not_exists(if_not_exists);
            without_gil([&] { self.drop_table(path, force, missing); });
          },
          nb::arg("path"), nb::arg("force"), nb::arg("if_not_exists"))
      .def(
          "drop_table_handle",
          [](Database& self, const Table& table, bool force) { without_gil([&] { self.drop_table(table, force); }); },
          nb::arg("table"), nb::arg("force"))
      .def(
          "operations",
          [](const Database& self) {
            nb::list operations;
            for (const OperationInfo& info : without_gil([&] { return self.operations(); })) {
              nb::dict operation;
              operation["id"] = info.id == 0 ? nb::none() : nb::object(nb::int_(info.id));
              operation["kind"] = info.kind;
              operation["state"] = info.state;
              operation["description"] = info.description;
              operation["client"] = info.client;
              operation["user"] = info.user;
              operation["seconds"] = info.seconds;
              operation["rows"] = info.rows;
              operation["total"] = info.total < 0 ? nb::none() : nb::object(nb::int_(info.total));
              operations.append(operation);
            }
            return operations;
          },
          nb::sig("def operations(self) -> list[dict[str, typing.Any]]"))
      .def("kept_results",
           [](const Database& self) {
             std::vector<std::tuple<std::string, std::int64_t, std::int64_t, double>> all;
             for (const KeptResultsInfo& info : without_gil([&] { return self.kept_results(); }))
               all.emplace_back(info.function, info.results, info.bytes, info.seconds);
             return all;
           })
      .def(
          "clear_results",
          [](Database& self, const std::string& function) {
            return without_gil([&] { return self.clear_results(function); });
          },
          nb::arg("function"))
      .def("resume_fills", [](Database& self) { return without_gil([&] { return self.resume_fills(); }); })
      .def("discard_dead", [](Database& self) { return without_gil([&] { return self.discard_dead(); }); });
}

}  // namespace intarsia::python
