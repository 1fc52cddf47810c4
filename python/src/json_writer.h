// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <string>

namespace intarsia::python {

/// Appends `object` as JSON text: None, bool, int, float, str, list, tuple, dict with str keys, and what numpy has
/// `tolist` for. Throws UnfitCell for anything else. Requires the GIL.
void write_json(std::string& out, PyObject* object);

/// Appends `text` as a JSON string.
void write_json_string(std::string& out, PyObject* text);

}  // namespace intarsia::python
