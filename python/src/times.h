// SPDX-License-Identifier: Apache-2.0
// datetime's objects and ours. Python shows times in UTC, and takes a naive one as UTC.
#pragma once

#include <Python.h>

#include "intarsia/value.h"

namespace intarsia::python {

[[nodiscard]] bool is_datetime(PyObject* object);
[[nodiscard]] bool is_date(PyObject* object);  ///< a datetime too

/// From datetime or ISO text; throws UnfitCell.
[[nodiscard]] Timestamp timestamp_of(const Type& type, PyObject* object);
/// From date or ISO text; throws UnfitCell.
[[nodiscard]] Date date_of(const Type& type, PyObject* object);

/// New references.
[[nodiscard]] PyObject* datetime_object(Timestamp timestamp);
[[nodiscard]] PyObject* date_object(Date date);

}  // namespace intarsia::python
