// SPDX-License-Identifier: Apache-2.0
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "binding.h"
#include "cells_in.h"
#include "cells_out.h"
#include "intarsia/rate_limits.h"
#include "udf.h"

namespace intarsia::python {
namespace {

/// (name, type, has a default, default, keyword only) as Python gives and gets parameters.
Parameter parameter_of(nb::handle item) {
  const nb::tuple fields = nb::cast<nb::tuple>(item);
  Parameter parameter{nb::cast<std::string>(fields[0]), nb::cast<Type>(fields[1])};
  if (nb::cast<bool>(fields[2])) {
    try {
      parameter.default_value = value_of(nb::object(fields[3]).ptr(), parameter.type.as_nullable());
    } catch (const UnfitCell& unfit) {
      throw Error(ErrorCode::kInvalidArgument, "default of parameter '" + parameter.name + "' " + unfit.what());
    }
  }
  parameter.keyword_only = nb::cast<bool>(fields[4]);
  return parameter;
}

nb::list parameters_of(const Function& function) {
  nb::list parameters;
  for (const Parameter& p : function.parameters)
    parameters.append(nb::make_tuple(p.name, p.type, p.default_value.has_value(),
                                     p.default_value ? nb::steal(object_of(*p.default_value)) : nb::object(nb::none()),
                                     p.keyword_only));
  return parameters;
}

void register_udf(const std::string& name, nb::list parameters, const Type& return_type, nb::object function,
                  bool in_flight, bool batched, std::int64_t batch_size, std::vector<bool> in_lists, bool is_method,
                  bool is_property, std::string doc, std::string fingerprint, bool is_deterministic, bool is_cheap) {
  Function made;
  made.name = name;
  for (const nb::handle item : parameters) made.parameters.push_back(parameter_of(item));
  made.doc = std::move(doc);
  Udf udf{std::move(function), in_flight, batched, batch_size, std::move(in_lists)};
  made.kernel = in_flight ? udf_stream(std::move(udf), made.parameters, return_type)
                          : udf_kernel(std::move(udf), made.parameters, return_type);
  made.return_type = return_type;
  made.runs = Runs::kCallerThread;
  made.is_method = is_method;
  made.is_property = is_property;
  made.deterministic = is_deterministic;
  made.cheap = is_cheap;
  made.rows_at_once = batch_size;
  made.fingerprint = std::move(fingerprint);
  without_gil([&] { replace_function(std::move(made)); });
}

void set_fingerprint(std::string_view name, std::string fingerprint) {
  without_gil([&] {
    const Function* const known = find_function(name);
    if (known == nullptr || known->fingerprint == fingerprint) return;
    Function changed = *known;
    changed.fingerprint = std::move(fingerprint);
    replace_function(std::move(changed));
  });
}

/// `load(name)` imports what registers the function, when it can.
void set_loader(nb::object load) {
  PyObject* const kept = load.release().ptr();  // until the process ends
  set_function_loader([kept](std::string_view name) -> std::optional<Function> {
    const nb::gil_scoped_acquire acquired;
    nb::borrow(kept)(nb::str(name.data(), name.size()));
    return std::nullopt;
  });
}

void bind_rate_limits(nb::module_& m) {
  nb::class_<RateLimits>(m, "RateLimits", "The pace of calls to services, shared by all processes of an instance.")
      .def(nb::init<const Database&>(), nb::arg("database"))
      .def(
          "set",
          [](RateLimits& self, std::string pool, std::optional<double> requests_per_minute,
             std::optional<double> tokens_per_minute, std::optional<std::int64_t> calls_in_flight) {
            const RateLimit limit{std::move(pool), requests_per_minute, tokens_per_minute, calls_in_flight};
            without_gil([&] { self.set(limit); });
          },
          nb::arg("pool"), nb::arg("requests_per_minute").none(), nb::arg("tokens_per_minute").none(),
          nb::arg("calls_in_flight").none())
      .def("pools",
           [](RateLimits& self) {
             std::vector<std::tuple<std::string, std::optional<double>, std::optional<double>,
                                    std::optional<std::int64_t>, double>>
                 all;
             for (const RateLimit& limit : without_gil([&] { return self.list(); }))
               all.emplace_back(limit.pool, limit.requests_per_minute, limit.tokens_per_minute, limit.calls_in_flight,
                                limit.paused_seconds);
             return all;
           })
      .def(
          "take",
          [](RateLimits& self, const std::string& pool, const std::vector<double>& tokens) {
            const CallPermits permits = without_gil([&] { return self.take(pool, tokens); });
            return std::tuple(permits.delays, permits.paused_seconds, permits.has_rate, permits.has_slots);
          },
          nb::arg("pool"), nb::arg("tokens"), "(delays, paused seconds, has a rate, has slots).")
      .def(
          "give_back",
          [](RateLimits& self, const std::string& pool, std::int64_t calls) {
            without_gil([&] { self.give_back(pool, calls); });
          },
          nb::arg("pool"), nb::arg("calls"))
      .def(
          "pause",
          [](RateLimits& self, const std::string& pool, double seconds) {
            without_gil([&] { self.pause(pool, seconds); });
          },
          nb::arg("pool"), nb::arg("seconds"));
}

}  // namespace

void bind_functions(nb::module_& m) {
  bind_rate_limits(m);
  nb::class_<Function>(m, "FunctionInfo", "What the registry says of a function.")
      .def_ro("name", &Function::name)
      .def_ro("doc", &Function::doc)
      .def_ro("example", &Function::example)
      .def_ro("return_type", &Function::return_type)
      .def_ro("is_aggregate", &Function::is_aggregate)
      .def_ro("is_method", &Function::is_method)
      .def_ro("is_property", &Function::is_property)
      .def_prop_ro("parameters", parameters_of,
                   nb::sig("def parameters(self) -> list[tuple[str, Type, bool, typing.Any, bool]]"),
                   "(name, type, has a default, default, keyword only) of each.");
  m.def(
      "find_function", [](std::string_view name) { return without_gil([&] { return find_function(name); }); },
      nb::rv_policy::reference, nb::arg("name"));
  m.def(
      "list_functions", [] { return list_functions(); }, nb::rv_policy::reference);
  m.def("set_fingerprint", &set_fingerprint, nb::arg("name"), nb::arg("fingerprint"));
  m.def("register_udf", register_udf, nb::arg("name"), nb::arg("parameters"), nb::arg("return_type"),
        nb::arg("function"), nb::arg("in_flight"), nb::arg("batched"), nb::arg("batch_size"), nb::arg("in_lists"),
        nb::arg("is_method"), nb::arg("is_property"), nb::arg("doc"), nb::arg("fingerprint"),
        nb::arg("is_deterministic"), nb::arg("is_cheap"),
        nb::sig("def register_udf(name: str, parameters: list[tuple[str, Type, bool, typing.Any, bool]], return_type: "
                "Type, function: collections.abc.Callable[..., typing.Any], in_flight: bool, batched: bool, "
                "batch_size: int, in_lists: "
                "collections.abc.Sequence[bool], is_method: bool, is_property: bool, doc: str, fingerprint: str, "
                "is_deterministic: bool, is_cheap: bool) -> None"));
  m.def("set_function_loader", set_loader, nb::arg("load"),
        nb::sig("def set_function_loader(load: collections.abc.Callable[[str], None]) -> None"));
}

}  // namespace intarsia::python
