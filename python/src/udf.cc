// SPDX-License-Identifier: Apache-2.0
#include "udf.h"

#include <chrono>
#include <unordered_map>

#include "cells_in.h"
#include "cells_out.h"
#include "intarsia/stream_kernel.h"
#include "interruption.h"

namespace intarsia::python {
namespace {

LazyObject format_traceback("intarsia._udf_calls", "format_traceback");

std::string text_of(PyObject* object) {
  const nb::object text = nb::steal<nb::object>(PyObject_Str(object));
  const char* const utf8 = text.is_valid() ? PyUnicode_AsUTF8(text.ptr()) : nullptr;
  PyErr_Clear();
  return utf8 == nullptr ? std::string() : utf8;
}

/// An exception object as a cell's error. Those that are no errors (KeyboardInterrupt, SystemExit) are thrown on.
CellError error_of(const nb::object& exception) {
  if (!PyObject_IsInstance(exception.ptr(), PyExc_Exception)) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
    raise_python();
  }
  const nb::object traceback = nb::borrow(format_traceback.get())(exception);
  return {Py_TYPE(exception.ptr())->tp_name, text_of(exception.ptr()), nb::cast<nb::str>(traceback).c_str()};
}

class UdfCall {
 public:
  UdfCall(const Udf& udf, const std::vector<Parameter>& parameters, const Type& return_type,
          std::span<const Column> args, ColumnBuilder& out)
      : udf_(udf), parameters_(parameters), return_type_(return_type.as_nullable()), out_(out) {
    for (const Column& arg : args) readers_.emplace_back(std::make_unique<CellReader>(arg));
    for (const Parameter& parameter : parameters)
      if (parameter.keyword_only) ++keywords_;
    if (keywords_ > 0) {
      keyword_names_ = owned(PyTuple_New(static_cast<Py_ssize_t>(keywords_)));
      for (std::size_t i = 0; i < keywords_; ++i)
        PyTuple_SET_ITEM(keyword_names_.ptr(), static_cast<Py_ssize_t>(i),
                         PyUnicode_InternFromString(parameters[parameters.size() - keywords_ + i].name.c_str()));
    }
  }

  void each_row(std::int64_t rows) {
    std::vector<nb::object> cells(readers_.size());
    for (std::int64_t row = 0; row < rows; ++row) {
      if (is_interrupted()) check_interrupted();
      if (!takes(row)) {
        out_.append_null();
        continue;
      }
      try {
        for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = cell(i, row);
        append(call(cells));
      } catch (nb::python_error& error) {
        out_.append_error(error_of(nb::borrow(error.value())));
      } catch (const Error& failure) {  // a media cell that cannot be read
        out_.append_error({"Error", failure.what(), failure.detail()});
      }
    }
  }

  /// Groups of rows with the same scalar arguments, at most batch_size each.
  void batches(std::int64_t rows) {
    std::vector<nb::object> results(static_cast<std::size_t>(rows));  // null: the row is not called
    std::vector<std::optional<CellError>> errors(static_cast<std::size_t>(rows));
    std::vector<std::int64_t> group;
    for (std::int64_t row = 0; next_group(group, row, rows);) run_group(group, results, errors);
    for (std::size_t row = 0; row < results.size(); ++row) {
      if (errors[row])
        out_.append_error(std::move(*errors[row]));
      else if (!results[row].is_valid())
        out_.append_null();
      else
        append(results[row]);
    }
  }

  /// Starts as many calls as the flight takes and hands results over about every quarter of a second.
  void in_flight(std::int64_t rows, const TakeResults& take) {
    const nb::object flight = udf_.function();
    try {
      fly(flight, rows, take);
    } catch (...) {
      flight.attr("cancel")();
      hand_over(take);  // finished calls are kept whatever ends the rest
      throw;
    }
  }

 private:
  /// A null argument of a parameter that takes none makes the result null.
  [[nodiscard]] bool takes(std::int64_t row) const {
    for (std::size_t i = 0; i < readers_.size(); ++i)
      if (readers_[i]->column().is_null(row) && !parameters_[i].type.nullable()) return false;
    return true;
  }

  nb::object cell(std::size_t i, std::int64_t row) { return nb::steal<nb::object>(readers_[i]->at(row)); }

  nb::object call(const std::vector<nb::object>& args) {
    static_assert(sizeof(nb::object) == sizeof(PyObject*));
    const auto* const vector = reinterpret_cast<PyObject* const*>(args.data());
    return owned(PyObject_Vectorcall(udf_.function.ptr(), vector, args.size() - keywords_, keyword_names_.ptr()));
  }

  void append(const nb::object& result) {
    try {
      append_object(out_, return_type_, result.ptr());
    } catch (const UnfitCell& unfit) {
      out_.append_error({"TypeError", "the function's result " + std::string(unfit.what()), {}});
    } catch (const Error& failure) {
      out_.append_error({"ValueError", failure.what(), failure.detail()});
    } catch (nb::python_error& error) {
      out_.append_error(error_of(nb::borrow(error.value())));
    }
  }

  std::vector<nb::object> scalars_of(std::int64_t row) {
    std::vector<nb::object> scalars(readers_.size());
    for (std::size_t i = 0; i < readers_.size(); ++i)
      if (!udf_.in_lists[i]) scalars[i] = cell(i, row);
    return scalars;
  }

  static bool same(const std::vector<nb::object>& a, const std::vector<nb::object>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!a[i].is_valid()) continue;
      const int equal = PyObject_RichCompareBool(a[i].ptr(), b[i].ptr(), Py_EQ);
      PyErr_Clear();  // what cannot be compared is not the same
      if (equal != 1) return false;
    }
    return true;
  }

  /// The rows of the next call from `row` on, which goes past them; false at the end.
  bool next_group(std::vector<std::int64_t>& group, std::int64_t& row, std::int64_t rows) {
    group.clear();
    std::vector<nb::object> scalars;
    for (; row < rows && static_cast<std::int64_t>(group.size()) < udf_.batch_size; ++row) {
      if (!takes(row)) continue;
      if (udf_.batch_size > 1) {
        std::vector<nb::object> own = scalars_of(row);
        if (!group.empty() && !same(own, scalars)) break;
        scalars = std::move(own);
      }
      group.push_back(row);
    }
    return !group.empty();
  }

  std::vector<nb::object> arguments(const std::vector<std::int64_t>& group) {
    std::vector<nb::object> args = scalars_of(group.front());
    for (std::size_t i = 0; i < args.size(); ++i) {
      if (!udf_.in_lists[i]) continue;
      args[i] = owned(PyList_New(static_cast<Py_ssize_t>(group.size())));
      for (std::size_t k = 0; k < group.size(); ++k)
        PyList_SET_ITEM(args[i].ptr(), static_cast<Py_ssize_t>(k), cell(i, group[k]).release().ptr());
    }
    return args;
  }

  /// What a batched call returned, as a sequence of the group's length.
  static nb::object items_of(const nb::object& made, std::size_t rows) {
    nb::object items = owned(PySequence_Fast(made.ptr(), "a batched function returns a list"));
    if (PySequence_Fast_GET_SIZE(items.ptr()) != static_cast<Py_ssize_t>(rows)) {
      PyErr_Format(PyExc_ValueError, "a batched function returned %zd results for %zd rows",
                   PySequence_Fast_GET_SIZE(items.ptr()), static_cast<Py_ssize_t>(rows));
      raise_python();
    }
    return items;
  }

  void run_group(const std::vector<std::int64_t>& group, std::vector<nb::object>& results,
                 std::vector<std::optional<CellError>>& errors) {
    if (is_interrupted()) check_interrupted();
    try {
      const nb::object items = items_of(call(arguments(group)), group.size());
      for (std::size_t k = 0; k < group.size(); ++k)
        results[static_cast<std::size_t>(group[k])] =
            nb::borrow(PySequence_Fast_GET_ITEM(items.ptr(), static_cast<Py_ssize_t>(k)));
    } catch (nb::python_error& error) {
      const CellError failure = error_of(nb::borrow(error.value()));
      for (const std::int64_t row : group) errors[static_cast<std::size_t>(row)] = failure;
    } catch (const Error& failure) {
      for (const std::int64_t row : group)
        errors[static_cast<std::size_t>(row)] = CellError{"Error", failure.what(), failure.detail()};
    }
  }

  void fly(const nb::object& flight, std::int64_t rows, const TakeResults& take) {
    std::vector<std::int64_t> group;
    std::int64_t row = 0;
    bool more = true;
    for (std::int64_t first = 0; first < rows; ++first)
      if (!takes(first)) settle_null(first);
    while (more || !on_their_way_.empty()) {
      const auto most = nb::cast<std::size_t>(flight.attr("most"));  // it learns
      while (more && on_their_way_.size() < most) {
        more = next_group(group, row, rows);
        if (more) start(flight, group);
      }
      if (!on_their_way_.empty())
        for (const nb::handle done : nb::list(flight.attr("finished")(patience()))) settle(nb::cast<nb::tuple>(done));
      if (Clock::now() - handed_over_ > kHandOver) hand_over(take);
    }
    hand_over(take);
  }

  /// Results that are there wait for no slower call.
  [[nodiscard]] nb::object patience() const {
    if (done_rows_.empty()) return nb::none();
    return nb::float_(std::chrono::duration<double>(kHandOver).count());
  }

  void start(const nb::object& flight, const std::vector<std::int64_t>& group) {
    try {
      const std::vector<nb::object> args = arguments(group);
      const nb::object tuple = owned(PyTuple_New(static_cast<Py_ssize_t>(args.size())));
      for (std::size_t i = 0; i < args.size(); ++i)
        PyTuple_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i), nb::object(args[i]).release().ptr());
      flight.attr("start")(next_call_, tuple);
      on_their_way_.emplace(next_call_++, group);
    } catch (const Error& failure) {  // a media cell that cannot be read
      settle_error(group, {"Error", failure.what(), failure.detail()});
    }
  }

  void settle(const nb::tuple& done) {
    const auto call = on_their_way_.extract(nb::cast<std::int64_t>(done[0]));
    const std::vector<std::int64_t>& group = call.mapped();
    const nb::object result = done[2];
    if (!nb::cast<bool>(done[1])) return settle_error(group, error_of(result));
    if (!udf_.batched) {
      done_rows_.push_back(group.front());
      return append(result);
    }
    try {
      const nb::object items = items_of(result, group.size());
      for (std::size_t k = 0; k < group.size(); ++k) {
        done_rows_.push_back(group[k]);
        append(nb::borrow(PySequence_Fast_GET_ITEM(items.ptr(), static_cast<Py_ssize_t>(k))));
      }
    } catch (nb::python_error& error) {
      settle_error(group, error_of(nb::borrow(error.value())));
    }
  }

  void settle_null(std::int64_t row) {
    done_rows_.push_back(row);
    out_.append_null();
  }

  void settle_error(const std::vector<std::int64_t>& group, const CellError& error) {
    for (const std::int64_t row : group) {
      done_rows_.push_back(row);
      out_.append_error(error);
    }
  }

  void hand_over(const TakeResults& take) {
    handed_over_ = Clock::now();
    if (done_rows_.empty()) return;
    const Column results = out_.finish();
    const std::vector<std::int64_t> rows = std::exchange(done_rows_, {});
    out_ = ColumnBuilder(return_type_);
    without_gil([&] { take(rows, results); });
  }

  using Clock = std::chrono::steady_clock;
  static constexpr auto kHandOver = std::chrono::milliseconds(250);

  const Udf& udf_;
  const std::vector<Parameter>& parameters_;
  const Type return_type_;
  ColumnBuilder& out_;
  std::vector<std::unique_ptr<CellReader>> readers_;
  std::size_t keywords_ = 0;
  nb::object keyword_names_;
  std::unordered_map<std::int64_t, std::vector<std::int64_t>> on_their_way_;  // rows of calls in flight
  std::int64_t next_call_ = 0;
  std::vector<std::int64_t> done_rows_;  // whose results are in out_
  Clock::time_point handed_over_ = Clock::now();
};

}  // namespace

Kernel udf_kernel(Udf udf, std::vector<Parameter> parameters, const Type& return_type) {
  // The registry's copies of the kernel share the Python objects, which live until the process ends.
  auto* const shared = new Udf(std::move(udf));
  return [shared, parameters = std::move(parameters), return_type](std::span<const Column> args, std::int64_t rows,
                                                                   ColumnBuilder& out) {
    const nb::gil_scoped_acquire acquired;
    out.reserve(rows);
    UdfCall call(*shared, parameters, return_type, args, out);
    return shared->batched ? call.batches(rows) : call.each_row(rows);
  };
}

Kernel udf_stream(Udf udf, std::vector<Parameter> parameters, const Type& return_type) {
  auto* const shared = new Udf(std::move(udf));
  return StreamKernel([shared, parameters = std::move(parameters), return_type](
                          std::span<const Column> args, std::int64_t rows, const TakeResults& take) {
    const nb::gil_scoped_acquire acquired;
    ColumnBuilder out(return_type.as_nullable());
    UdfCall(*shared, parameters, return_type, args, out).in_flight(rows, take);
  });
}

}  // namespace intarsia::python
