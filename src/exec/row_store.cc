// SPDX-License-Identifier: Apache-2.0
// The file is a sequence of Arrow IPC streams of one batch each. A field is named by its column's id; its
// metadata "type" has the column's type; the field "<id>n", if there, has the notes of its cells, and "<id>m" the media
// that are in no file.
#include "exec/row_store.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "exec/held_media.h"
#include "intarsia/error.h"
#include "storage/faults.h"
#include "storage/note.h"
#include "type/arrow_error.h"
#include "type/column_data.h"

namespace intarsia {

namespace {

constexpr const char* kTypeKey = "type";

int open_file(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  std::string path = (folder / "rows-XXXXXX").string();
  const int file = mkstemp(path.data());
  if (file >= 0) unlink(path.c_str());
  return file;
}

[[noreturn]] void fail(const std::filesystem::path& folder) {
  throw Error(ErrorCode::kStoreUnavailable,
              fmt::format("cannot keep rows in {}: {}; make room there, or work on fewer rows at once", folder.string(),
                          std::strerror(errno)));
}

std::shared_ptr<arrow::Buffer> serialized(const RowSet& rows) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  const auto append = [&](const std::string& name, const Column& column) {
    const auto array = arrow_array(column);
    fields.push_back(
        arrow::field(name, array->type(), true, arrow::key_value_metadata({kTypeKey}, {column.type().json()})));
    arrays.push_back(array);
  };
  for (const auto& [id, column] : rows.columns) {
    append(fmt::format("{}", id), column);
    if (column.has_errors()) append(fmt::format("{}n", id), notes_of(column));
    if (holds_media(column)) append(fmt::format("{}m", id), held_media(column));
  }
  const auto batch = arrow::RecordBatch::Make(arrow::schema(fields), rows.num_rows, arrays);
  const auto sink = value_or_throw(arrow::io::BufferOutputStream::Create());
  const auto writer = value_or_throw(arrow::ipc::MakeStreamWriter(sink, batch->schema()));
  check_arrow(writer->WriteRecordBatch(*batch));
  check_arrow(writer->Close());
  return value_or_throw(sink->Finish());
}

Column column_of(const arrow::Field& field, std::shared_ptr<arrow::Array> array) {
  auto data = std::make_shared<ColumnData>();
  data->type = Type::from_json(value_or_throw(field.metadata()->Get(kTypeKey)));
  data->length = array->length();
  data->array = std::move(array);
  return Column(std::move(data));
}

RowSet deserialized(std::shared_ptr<arrow::Buffer> bytes) {
  const auto source = std::make_shared<arrow::io::BufferReader>(std::move(bytes));
  const auto reader = value_or_throw(arrow::ipc::RecordBatchStreamReader::Open(source));
  std::shared_ptr<arrow::RecordBatch> batch;
  check_arrow(reader->ReadNext(&batch));
  RowSet rows{batch->num_rows(), {}};
  for (int i = 0; i < batch->num_columns(); ++i) {
    const std::string& name = batch->column_name(i);
    Column column = column_of(*batch->schema()->field(i), batch->column(i));
    const std::int64_t id = std::strtoll(name.c_str(), nullptr, 10);
    if (name.back() == 'n') column = with_notes(rows.columns.at(id), column);  // it follows its column
    if (name.back() == 'm') column = with_held_media(rows.columns.at(id), column);
    rows.columns.insert_or_assign(id, std::move(column));
  }
  return rows;
}

}  // namespace

RowStore::~RowStore() {
  if (file_ >= 0) close(file_);
}

std::size_t RowStore::add(RowSet rows) {
  keep(batches_.emplace_back(), std::move(rows));
  return batches_.size() - 1;
}

void RowStore::replace(std::size_t place, RowSet rows) {
  Stored& stored = batches_[place];
  if (stored.at < 0) share_.remove(stored.rows.byte_size());
  keep(stored, std::move(rows));
}

void RowStore::keep(Stored& stored, RowSet rows) {
  if (!share_.try_add(rows.byte_size())) return write(stored, rows);
  stored.rows = std::move(rows);
  stored.at = -1;
}

void RowStore::write(Stored& stored, const RowSet& rows) {
  if (file_ < 0) file_ = open_file(folder_);
  if (file_ < 0) fail(folder_);
  if (!pass_file_point()) fail(folder_);
  const auto bytes = serialized(rows);
  for (std::int64_t done = 0; done < bytes->size();) {
    const ssize_t count =
        pwrite(file_, bytes->data() + done, static_cast<std::size_t>(bytes->size() - done), file_size_ + done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(folder_);
    done += count;
  }
  stored = {{}, file_size_, bytes->size()};
  file_size_ += bytes->size();
}

RowSet RowStore::take(std::size_t place) {
  Stored& stored = batches_[place];
  if (stored.at >= 0) return at(place);
  share_.remove(stored.rows.byte_size());
  return std::exchange(stored.rows, {});
}

RowSet RowStore::at(std::size_t place) const {
  const Stored& stored = batches_[place];
  if (stored.at < 0) return stored.rows;
  std::shared_ptr<arrow::Buffer> bytes = value_or_throw(arrow::AllocateBuffer(stored.length));
  for (std::int64_t done = 0; done < stored.length;) {
    const ssize_t count =
        pread(file_, bytes->mutable_data() + done, static_cast<std::size_t>(stored.length - done), stored.at + done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(folder_);
    done += count;
  }
  return deserialized(std::move(bytes));
}

}  // namespace intarsia
