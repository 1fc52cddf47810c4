// SPDX-License-Identifier: Apache-2.0
#include "intarsia/telemetry.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "binding.h"
#include "choices.h"

namespace intarsia::python {
namespace {

using StatsTuple = std::tuple<std::string, std::int64_t, double, std::int64_t, std::int64_t, std::int64_t>;

std::vector<StatsTuple> stats_tuples(const std::vector<FunctionStats>& all) {
  std::vector<StatsTuple> tuples;
  for (const FunctionStats& s : all)
    tuples.emplace_back(s.function, s.calls, s.seconds, s.retries, s.errors, s.cache_hits);
  return tuples;
}

Attribute attribute_of(nb::handle name, nb::handle value) {
  Attribute attribute{nb::cast<std::string>(name), {}};
  if (nb::isinstance<nb::bool_>(value))
    attribute.value = nb::cast<bool>(value);
  else if (nb::isinstance<nb::int_>(value))
    attribute.value = nb::cast<std::int64_t>(value);
  else if (nb::isinstance<nb::float_>(value))
    attribute.value = nb::cast<double>(value);
  else
    attribute.value = nb::cast<std::string>(nb::str(value));
  return attribute;
}

void log_from_python(std::string_view level, std::string_view event, std::string_view message, nb::dict fields) {
  const LogLevel parsed = parse_choice<LogLevel, 4>("level", level,
                                                    {{{"error", LogLevel::kError},
                                                      {"warning", LogLevel::kWarning},
                                                      {"info", LogLevel::kInfo},
                                                      {"debug", LogLevel::kDebug}}});
  std::vector<Attribute> attributes;
  for (const auto& [name, value] : fields) attributes.push_back(attribute_of(name, value));
  const nb::gil_scoped_release released;
  log_event(parsed, event, message, attributes);
}

const char* name_of(SpanKind kind) {
  switch (kind) {
    case SpanKind::kOperation:
      return "operation";
    case SpanKind::kBatch:
      return "batch";
    case SpanKind::kFunction:
      return "function";
    case SpanKind::kStatement:
      return "statement";
  }
  return "";
}

nb::dict dict_of(const std::vector<Attribute>& attributes) {
  nb::dict all;
  for (const Attribute& attribute : attributes)
    std::visit([&](const auto& value) { all[attribute.name.c_str()] = nb::cast(value); }, attribute.value);
  return all;
}

/// Calls `began(id, parent, kind, name, attributes)` and `ended(id, kind, name, attributes, seconds, error_type,
/// error)`; the parent is 0 unless it is on another thread.
class PythonObserver final : public SpanObserver {
 public:
  PythonObserver(nb::object began, nb::object ended) : began_(began.release().ptr()), ended_(ended.release().ptr()) {}
  ~PythonObserver() override {
    const nb::gil_scoped_acquire acquired;
    Py_DECREF(began_);
    Py_DECREF(ended_);
  }
  PythonObserver(const PythonObserver&) = delete;
  PythonObserver& operator=(const PythonObserver&) = delete;

  void began(const SpanInfo& span) override {
    const nb::gil_scoped_acquire acquired;
    nb::borrow(began_)(span.id, span.parent_elsewhere ? span.parent : 0, name_of(span.kind), span.name,
                       dict_of(span.attributes));
  }
  void ended(const SpanInfo& span) override {
    const nb::gil_scoped_acquire acquired;
    nb::borrow(ended_)(span.id, name_of(span.kind), span.name, dict_of(span.attributes), span.seconds, span.error_type,
                       span.error);
  }

 private:
  PyObject* began_;
  PyObject* ended_;
};

void set_observer(nb::object began, nb::object ended) {
  std::shared_ptr<SpanObserver> observer;
  if (!began.is_none()) observer = std::make_shared<PythonObserver>(std::move(began), std::move(ended));
  const nb::gil_scoped_release released;
  set_span_observer(std::move(observer));
}

}  // namespace

void bind_telemetry(nb::module_& m) {
  m.def("publish_retries", &publish_retries);
  m.def("count_retry", &count_retry, nb::arg("function"), nb::arg("retries") = 1,
        "A call of a function, by its registry name, is made again.");
  m.def(
      "function_stats", [] { return stats_tuples(function_stats()); }, "Of this process.");
  m.def(
      "instance_function_stats",
      [](const Database& database) { return stats_tuples(without_gil([&] { return function_stats(database); })); },
      nb::arg("database"), "Of all processes.");
  m.def(
      "flush_function_stats", [](const Database& database) { without_gil([&] { flush_function_stats(database); }); },
      nb::arg("database"));
  m.def("log", &log_from_python, nb::arg("level"), nb::arg("event"), nb::arg("message"), nb::arg("fields"),
        nb::sig("def log(level: str, event: str, message: str, fields: dict[str, bool | int | float | str]) -> None"),
        "Writes a line of the log.");
  m.def("set_span_observer", &set_observer, nb::arg("began").none(), nb::arg("ended").none(),
        nb::sig(
            "def set_span_observer(began: collections.abc.Callable[[int, int, str, str, dict[str, typing.Any]], None] "
            "| None, ended: collections.abc.Callable[[int, str, str, dict[str, typing.Any], float, str, str], None] | "
            "None) -> None"));
}

}  // namespace intarsia::python
