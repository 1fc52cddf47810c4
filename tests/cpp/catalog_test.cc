// SPDX-License-Identifier: Apache-2.0
// Directories, tables and views, on an embedded server in a temporary home; the catalog's SQL tables are looked at with
// SQL.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "catalog/create_view.h"
#include "catalog/paths.h"
#include "exec/engine.h"
#include "function/iterator.h"
#include "intarsia/intarsia.h"
#include "storage/publish.h"

namespace intarsia {
namespace {

namespace fs = std::filesystem;

const Type kInt(TypeKind::kInt);
const Type kString(TypeKind::kString);

/// One server for all tests; a directory of its own for each.
class CatalogTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    home_ = fs::path(testing::TempDir()) / ("intarsia_catalog_" + std::to_string(getpid()));
    database_ = std::make_unique<Database>(open());
  }
  static void TearDownTestSuite() {
    const Config config = database_->config();
    database_.reset();
    stop_server(config);
    fs::remove_all(home_);
  }
  static Database open() { return Database::open(Config::load({{"home", home_.string()}, {"verbosity", "0"}})); }

  void SetUp() override {
    directory_ = testing::UnitTest::GetInstance()->current_test_info()->name();
    db().create_directory(directory_);
  }
  void TearDown() override { db().drop_directory(directory_, true); }

  static Database& db() { return *database_; }
  [[nodiscard]] std::string at(const std::string& name) const { return directory_ + "/" + name; }
  Table table(const std::string& name) const {
    return db().create_table(at(name), {{"id", kInt}, {"name", Type(TypeKind::kString, true)}});
  }
  static Table filtered(const std::string& path, const Table& base, IfExists if_exists = IfExists::kError) {
    TableOptions options;
    options.if_exists = if_exists;
    return db().create_view(path, base, {}, base["id"] > 1, {}, options);
  }
  static std::int64_t sql(const std::string& query) { return db().engine()->connect()->query(query).int_at(0, 0); }
  static std::int64_t sql_tables_of(const Table& table) {
    return sql("select count(*) from pg_class where relkind = 'r' and relname ~ '^(rows|fam)_" +
               std::to_string(table.id()) + "(_|$)'");
  }

  std::string directory_;

 private:
  static fs::path home_;
  static std::unique_ptr<Database> database_;
};
fs::path CatalogTest::home_;
std::unique_ptr<Database> CatalogTest::database_;

template <typename Work>
ErrorCode code_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_GT(std::string(error.what()).size(), 10U);
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::kInternal;
}

TEST_F(CatalogTest, PathsAreWrittenWithDotsOrSlashes) {
  EXPECT_EQ(parse_path("a.b-c.D_1"), "a/b-c/D_1");
  EXPECT_EQ(parse_path("a/b"), "a/b");
  EXPECT_EQ(parse_path("", true), "");
  for (const char* wrong : {"", "a..b", "/a", "a/", "a.b/c", "1a", "_a", "a b", "p\xc3\xa9", "."})
    EXPECT_EQ(code_of([&] { static_cast<void>(parse_path(wrong)); }), ErrorCode::kInvalidPath) << wrong;
}

TEST_F(CatalogTest, DirectoriesNeedTheirParents) {
  EXPECT_EQ(code_of([&] { db().create_directory(at("a/b/c")); }), ErrorCode::kDirectoryNotFound);
  db().create_directory(at("a/b/c"), IfExists::kError, true);
  EXPECT_EQ(code_of([&] { db().create_directory(at("a/b")); }), ErrorCode::kPathAlreadyExists);
  db().create_directory(at("a/b"), IfExists::kIgnore);
  EXPECT_EQ(code_of([&] { db().create_directory(at("a"), IfExists::kReplace); }), ErrorCode::kUnsupportedOperation);
  db().create_directory(at("a"), IfExists::kReplaceForce);
  EXPECT_TRUE(db().list(at("a")).empty());
  table("t");
  EXPECT_EQ(code_of([&] { db().create_directory(at("t"), IfExists::kReplace); }), ErrorCode::kPathAlreadyExists);
  EXPECT_EQ(code_of([&] { db().create_directory(at("t/x/y"), IfExists::kError, true); }),
            ErrorCode::kPathAlreadyExists);
}

TEST_F(CatalogTest, DroppingADirectorySaysWhatIsWrong) {
  table("t");
  EXPECT_EQ(code_of([&] { db().drop_directory(directory_); }), ErrorCode::kUnsupportedOperation);
  EXPECT_EQ(code_of([&] { db().drop_directory(at("t")); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { db().drop_directory(at("x")); }), ErrorCode::kPathNotFound);
  EXPECT_EQ(code_of([&] { db().drop_directory(at("x/y")); }), ErrorCode::kDirectoryNotFound);
  db().drop_directory(at("x/y"), false, IfNotExists::kIgnore);
}

TEST_F(CatalogTest, ListsByNameAndDepthFirst) {
  db().create_directory(at("b"));
  db().create_directory(at("b/z"));
  const Table t = db().create_table(at("b/t"), {{"id", kInt}});
  filtered(at("a"), t);
  std::vector<std::string> paths;
  for (const DirectoryEntry& entry : db().list(directory_, true)) paths.push_back(entry.path);
  EXPECT_EQ(paths, (std::vector<std::string>{at("a"), at("b"), at("b/t"), at("b/z")}));
  const std::vector<DirectoryEntry> top = db().list(directory_);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].kind, "view");
  EXPECT_EQ(top[0].base, at("b/t"));
  EXPECT_EQ(top[0].version, 0);
  EXPECT_EQ(top[1].kind, "dir");
  EXPECT_EQ(code_of([&] { static_cast<void>(db().list(at("b/t"))); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { static_cast<void>(db().list("nowhere")); }), ErrorCode::kPathNotFound);
}

TEST_F(CatalogTest, AnotherProcessSeesTheSameTable) {
  TableOptions options;
  options.comment = "of the test";
  options.custom_metadata = R"({"a": 1})";
  ColumnSpec key{"id", kInt};
  key.primary_key = true;
  key.comment = "the key";
  ColumnSpec doubled{"doubled", {}, Expr::column(0, 0, "id", kInt) * 2};
  const Table t = db().create_table(at("t"), {key, {"a", Type::array(DType::kFloat32, {3}, true)}, doubled}, options);
  Database other = open();
  const Table same = other.get_table(at("t"));
  EXPECT_EQ(same.id(), t.id());
  const TableInfo info = same.info();
  EXPECT_EQ(info.uuid, t.info().uuid);
  EXPECT_EQ(info.path, at("t"));
  EXPECT_EQ(info.kind, "table");
  EXPECT_EQ(info.comment, "of the test");
  EXPECT_EQ(info.custom_metadata, R"({"a":1})");
  const std::vector<ColumnInfo> columns = same.columns();
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_TRUE(columns[0].primary_key);
  EXPECT_EQ(columns[0].comment, "the key");
  EXPECT_EQ(columns[1].type.text(), "Array[(3,), float32] | None");
  EXPECT_EQ(columns[2].value.text(), "id * 2");
  EXPECT_EQ(columns[2].defined_in, "t");
  EXPECT_EQ(sql_tables_of(t), 2);  // the array has a family of its own
  const std::vector<VersionInfo> history = same.history();
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].description, "Initial Version");
  EXPECT_TRUE(history[0].schema_change);
  EXPECT_EQ(same.version(), 0);
}

TEST_F(CatalogTest, ComputedColumnsOfASchemaAreComputed) {
  const Expr id = Expr::column(0, 0, "id", kInt);
  const Expr next = Expr::column(0, 0, "next", (id + 1).type());
  const Table t = db().create_table(at("t"), {{"next", {}, id + 1}, {"id", kInt}, {"after", {}, next + 1}});
  Table(t).insert(Batch({"id"}, {Column::constant(kInt, 5, 2)}));
  const ResultSet rows = t.query().collect();
  ASSERT_EQ(rows.num_rows(), 2);
  EXPECT_EQ(rows.value(1, 0), Value(6));
  EXPECT_EQ(rows.value(1, 2), Value(7));
  EXPECT_EQ(code_of([&] {
              db().create_table(at("u"), {{"after", {}, next + 1}, {"next", {}, id + 1}, {"id", kInt}});
            }),
            ErrorCode::kInvalidExpression);
  EXPECT_EQ(code_of([&] {
              db().create_table(at("u"), {{"id", kString}, {"next", {}, id + 1}});
            }),
            ErrorCode::kTypeMismatch);
  EXPECT_EQ(code_of([&] { db().create_table(at("u"), {{"x", {}, t["id"] + 1}}); }), ErrorCode::kInvalidExpression);
}

TEST_F(CatalogTest, NotesHaveAnIndex) {
  Table t = table("t");
  ColumnSpec computed;
  computed.name = "inverse";
  computed.value = Expr(1) / t["id"];
  t.add_computed_column(computed);
  EXPECT_EQ(sql("select count(*) from pg_index where indrelid = 'rows_" + std::to_string(t.id()) +
                "'::regclass and pg_get_expr(indpred, indrelid) = '(c" + std::to_string(t.columns().back().id) +
                "_note IS NOT NULL)'"),
            1);
}

TEST_F(CatalogTest, ColumnsAreChecked) {
  const auto refusal = [&](std::vector<ColumnSpec> columns) {
    return code_of([&] { db().create_table(at("t"), columns); });
  };
  for (const char* name : {"", "1a", "_a", "a b", "a-b", "a\"b"})
    EXPECT_EQ(refusal({{name, kInt}}), ErrorCode::kInvalidColumnName) << name;
  EXPECT_EQ(refusal({}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal({{"a", kInt}, {"a", kInt}}), ErrorCode::kColumnAlreadyExists);
  EXPECT_EQ(refusal({{"a", kInt}, {"A", kInt}}), ErrorCode::kInvalidSchema);
  EXPECT_EQ(refusal({{"a", kInt, {}, false}}), ErrorCode::kInvalidSchema);
  EXPECT_EQ(refusal({{"a", Type(TypeKind::kInt, true), {}, {}, true}}), ErrorCode::kUnsupportedOperation);
  EXPECT_EQ(refusal({{"a", Type(TypeKind::kBinary), {}, {}, true}}), ErrorCode::kUnsupportedOperation);
  EXPECT_TRUE(db().list(directory_).empty());
}

TEST_F(CatalogTest, IfExistsSaysWhatHappensToATable) {
  const Table t = table("t");
  const auto create = [&](IfExists if_exists, const char* name = "t") {
    TableOptions options;
    options.if_exists = if_exists;
    return db().create_table(at(name), {{"x", kInt}}, options);
  };
  EXPECT_EQ(code_of([&] { create(IfExists::kError); }), ErrorCode::kPathAlreadyExists);
  EXPECT_EQ(create(IfExists::kIgnore).id(), t.id());
  filtered(at("v"), t);
  EXPECT_EQ(code_of([&] { create(IfExists::kReplace); }), ErrorCode::kConstraintViolation);
  EXPECT_EQ(code_of([&] { create(IfExists::kIgnore, "v"); }), ErrorCode::kPathAlreadyExists);
  const Table replaced = create(IfExists::kReplaceForce);
  EXPECT_NE(replaced.id(), t.id());
  EXPECT_FALSE(db().find_table(at("v")));
  EXPECT_EQ(code_of([&] { static_cast<void>(t.path()); }), ErrorCode::kTableNotFound);
  EXPECT_EQ(sql_tables_of(t), 0);
  db().create_directory(at("d"));
  EXPECT_EQ(code_of([&] { create(IfExists::kReplaceForce, "d"); }), ErrorCode::kPathAlreadyExists);
}

TEST_F(CatalogTest, PathsOfTablesAreResolved) {
  table("t");
  EXPECT_EQ(code_of([&] { static_cast<void>(db().get_table(at("x"))); }), ErrorCode::kPathNotFound);
  EXPECT_EQ(code_of([&] { static_cast<void>(db().get_table("nowhere.x")); }), ErrorCode::kDirectoryNotFound);
  EXPECT_EQ(code_of([&] { static_cast<void>(db().get_table(directory_)); }), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(db().find_table(directory_));
  EXPECT_FALSE(db().find_table("nowhere/at/all"));
  EXPECT_TRUE(db().find_table(directory_ + ".t"));
  EXPECT_EQ(code_of([&] { static_cast<void>(db().get_table(at("t"))["nmae"]); }), ErrorCode::kColumnNotFound);
}

TEST_F(CatalogTest, AFilteredViewHoldsTheRowsOfItsFilter) {
  Table t = table("t");
  ColumnBuilder ids(kInt);
  for (int i = 0; i < 5; ++i) ids.append_int(i);
  t.insert(Batch({"id"}, {ids.finish()}));
  TableOptions options;
  const Table v = db().create_view(at("v"), t, {}, t["id"] > 1, {{"twice", {}, t["id"] * 2}}, options);
  EXPECT_EQ(v.query().count(), 3);
  EXPECT_EQ(v.base()->id(), t.id());
  EXPECT_EQ(v.info().predicate, "id > 1");
  ASSERT_EQ(t.views().size(), 1U);
  std::vector<std::string> names;
  for (const ColumnInfo& column : v.columns()) names.push_back(column.name);
  EXPECT_EQ(names, (std::vector<std::string>{"twice", "id", "name"}));
  EXPECT_EQ(v.query().select({v["twice"]}).order_by({v["id"]}).collect().value(0, 0), Value(4));
  EXPECT_EQ(v.history()[0].counts.inserted, 3);
  t.insert(Batch({"id"}, {Column::constant(kInt, 9, 1)}));
  EXPECT_EQ(v.query().count(), 4);
}

TEST_F(CatalogTest, ViewsAreChecked) {
  const Table t = table("t");
  const Table other = table("other");
  const auto refusal = [&](const Expr& iterator, const Expr& predicate, std::vector<ColumnSpec> columns = {}) {
    return code_of([&] { db().create_view(at("v"), t, iterator, predicate, columns); });
  };
  EXPECT_EQ(refusal({}, t["id"]), ErrorCode::kTypeMismatch);
  EXPECT_EQ(refusal({}, other["id"] > 1), ErrorCode::kInvalidExpression);
  EXPECT_EQ(refusal(t["id"] + 1, {}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal({}, {}, {{"id", {}, t["id"] + 1}}), ErrorCode::kColumnAlreadyExists);
  EXPECT_EQ(refusal({}, {}, {{"x", kInt}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { filtered(at("t"), t, IfExists::kReplace); }), ErrorCode::kUnsupportedOperation);
}

TEST_F(CatalogTest, AFailingViewLeavesNothingBehind) {
  Table t = table("t");
  t.insert(Batch({"id"}, {Column::constant(kInt, 0, 3)}));
  EXPECT_THROW(db().create_view(at("v"), t, {}, {}, {{"x", {}, Expr(1) / t["id"]}}), Error);
  EXPECT_FALSE(db().find_table(at("v")));
  EXPECT_TRUE(t.views().empty());
  TableOptions options;
  options.on_error = OnError::kIgnore;
  const Table v = db().create_view(at("v"), t, {}, {}, {{"x", {}, Expr(1) / t["id"]}}, options);
  const std::vector<ColumnErrors> errors = db().errors(v, 2);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].column, "x");
  EXPECT_EQ(errors[0].error.type, "ZeroDivisionError");
  EXPECT_LT(errors[0].row_id, errors[1].row_id);
  EXPECT_TRUE(db().errors(t).empty());
}

/// 0, 1, ..., n - 1 as `id`, which is stored, and as an array `cell`.
class Counting : public RowIterator {
 public:
  explicit Counting(std::int64_t n) : n_(n) {}
  bool next(std::span<ColumnBuilder* const> outputs) override {
    if (next_ == n_) return false;
    const std::int64_t shape[] = {1};
    outputs[0]->append_int(next_);
    outputs[1]->append_array(DType::kInt64, shape, &next_);
    ++next_;
    return true;
  }

 private:
  std::int64_t n_;
  std::int64_t next_ = 0;
};

void register_counting() {
  if (find_iterator("test.count_to") != nullptr) return;
  IteratorFunction counting;
  counting.function.name = "test.count_to";
  counting.function.parameters = {{"n", kInt}};
  counting.function.return_type = TypeKind::kJson;
  counting.outputs = {{"id", kInt}, {"cell", Type(TypeKind::kArray)}};
  counting.check = [](std::span<const Value* const> literals) {
    if (literals[0] != nullptr) throw Error(ErrorCode::kInvalidArgument, "count_to: it takes a column");
  };
  counting.open = [](std::span<const Column> args, std::int64_t row) {
    return std::make_unique<Counting>(args[0].int_at(row));
  };
  register_iterator(counting);
}

TEST_F(CatalogTest, AnIteratorMakesRowsAndColumns) {
  register_counting();
  Table t = table("t");
  ColumnBuilder ids(kInt);
  for (const int n : {2, 0, 3}) ids.append_int(n);
  t.insert(Batch({"id"}, {ids.finish()}));
  const Expr number = Expr::column(0, 0, "id", kInt);  // of the view, which hides the base's
  const Table v = db().create_view(at("v"), t, call("test.count_to", {t["id"]}), t["id"] > 2,
                                   {{"next", {}, number + 1}, {"of_base", {}, t["id"] * 10}});
  std::vector<std::string> names;
  for (const ColumnInfo& column : v.columns()) names.push_back(column.name + (column.from_iterator ? "*" : ""));
  EXPECT_EQ(names, (std::vector<std::string>{"pos*", "id*", "cell*", "next", "of_base", "name"}));
  EXPECT_EQ(v.info().iterator, "count_to(id)");
  EXPECT_EQ(sql_tables_of(v), 2);
  const ResultSet rows = v.query().select({v["pos"], v["next"], v["of_base"], v["cell"]}).collect();
  ASSERT_EQ(rows.num_rows(), 3);
  EXPECT_EQ(rows.value(2, 0), Value(2));
  EXPECT_EQ(rows.value(2, 1), Value(3));
  EXPECT_EQ(rows.value(2, 2), Value(30));
  EXPECT_EQ(rows.value(1, 3).as<Array>().shape, std::vector<std::int64_t>{1});
  t.insert(Batch({"id"}, {Column::constant(kInt, 4, 1)}));
  EXPECT_EQ(v.query().count(), 7);
  const Table evens = db().create_view(at("evens"), v, {}, v["pos"] % 2 == 0);
  EXPECT_EQ(evens.query().count(), 4);
  const auto refusal = [&](const Expr& iterator, const std::vector<ColumnSpec>& columns) {
    return code_of([&] { db().create_view(at("w"), t, iterator, {}, columns); });
  };
  EXPECT_EQ(refusal(call("test.count_to", {5}), {}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal(call("test.count_to", {t["id"]}), {{"pos", {}, t["id"] + 1}}), ErrorCode::kInvalidSchema);
}

TEST_F(CatalogTest, APrimaryKeyIsUnique) {
  ColumnSpec key{"id", kInt};
  key.primary_key = true;
  Table t = db().create_table(at("t"), {key});
  t.insert(Batch({"id"}, {Column::constant(kInt, 1, 1)}));
  EXPECT_EQ(code_of([&] { t.insert(Batch({"id"}, {Column::constant(kInt, 1, 1)})); }), ErrorCode::kConstraintViolation);
  EXPECT_EQ(t.query().count(), 1);
}

/// A view that is registered, and whose creator is gone.
std::int64_t leave_unfinished(Database& database, const Table& base, const std::string& path, const Expr& predicate) {
  const auto connection = database.engine()->connect();
  const auto tree = database.engine()->trees().newest(base.id());
  Engine& engine = *database.engine();
  return register_view(engine.pool(), *connection, *tree, {path, base.id(), {}, predicate, {}, {}}, [] {}).id;
}

TEST_F(CatalogTest, AnUnfinishedViewIsFinishedByTheSameCall) {
  Table t = table("t");
  t.insert(Batch({"id"}, {Column::constant(kInt, 3, 4)}));
  const std::int64_t id = leave_unfinished(db(), t, at("v"), t["id"] > 1);
  EXPECT_EQ(db().list(directory_).size(), 1U);
  EXPECT_TRUE(t.views().empty());
  t.insert(Batch({"id"}, {Column::constant(kInt, 3, 2)}));  // writers keep it up meanwhile
  const Table v = filtered(at("v"), t);
  EXPECT_EQ(v.id(), id);
  EXPECT_EQ(v.query().count(), 6);
}

TEST_F(CatalogTest, AnUnfinishedViewIsFinishedByWhoOpensIt) {
  Table t = table("t");
  t.insert(Batch({"id"}, {Column::constant(kInt, 3, 4)}));
  const std::int64_t id = leave_unfinished(db(), t, at("v"), t["id"] > 1);
  {
    const auto creator = db().engine()->connect();
    const auto claim = ViewClaim::take(*creator, id);  // it lives
    EXPECT_EQ(code_of([&] { static_cast<void>(db().get_table(at("v"))); }), ErrorCode::kPathNotFound);
    EXPECT_FALSE(db().find_table(at("v")));
  }
  EXPECT_EQ(db().get_table(at("v")).query().count(), 4);
}

TEST_F(CatalogTest, AnUnfinishedViewGivesWayToAnotherDefinition) {
  const Table t = table("t");
  const std::int64_t id = leave_unfinished(db(), t, at("v"), t["id"] > 7);
  EXPECT_NE(filtered(at("v"), t).id(), id);
  leave_unfinished(db(), t, at("w"), t["id"] > 7);
  EXPECT_EQ(code_of([&] { db().drop_table(at("t")); }), ErrorCode::kConstraintViolation);
  db().drop_table(at("w"));
}

TEST_F(CatalogTest, ADropNamesWhatDependsOnTheTable) {
  const Table t = table("t");
  const Table v = filtered(at("v"), t);
  const Table inner = filtered(at("inner"), v);
  try {
    db().drop_table(at("t"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kConstraintViolation);
    EXPECT_NE(std::string(error.what()).find("'" + at("v") + "', '" + at("inner") + "'"), std::string::npos);
  }
  db().drop_table(inner);
  EXPECT_EQ(code_of([&] { db().drop_table(inner); }), ErrorCode::kTableNotFound);
  EXPECT_EQ(sql_tables_of(inner), 0);
  EXPECT_EQ(v.query().count(), 0);
  db().drop_table(t, true);
  EXPECT_EQ(code_of([&] { static_cast<void>(v.query().count()); }), ErrorCode::kTableNotFound);
  EXPECT_EQ(sql("select count(*) from pg_class where relname = 'lock_' || (select tree_id from tables where id = " +
                std::to_string(t.id()) + ")"),
            0);
  EXPECT_EQ(code_of([&] { db().drop_table(at("t")); }), ErrorCode::kPathNotFound);
  db().drop_table(at("t"), false, IfNotExists::kIgnore);
  EXPECT_EQ(code_of([&] { db().drop_table(directory_, false, IfNotExists::kIgnore); }), ErrorCode::kInvalidArgument);
}

TEST_F(CatalogTest, AnotherProcessMeetsADroppedTable) {
  Table t = table("t");
  t.insert(Batch({"id"}, {Column::constant(kInt, 3, 4)}));
  Database other = open();
  Table theirs = other.get_table(at("t"));
  EXPECT_EQ(theirs.query().count(), 4);
  db().drop_table(t);
  EXPECT_EQ(code_of([&] { static_cast<void>(theirs.query().count()); }), ErrorCode::kTableNotFound);
  EXPECT_EQ(code_of([&] { theirs.insert(Batch({"id"}, {Column::constant(kInt, 3, 4)})); }), ErrorCode::kTableNotFound);
  EXPECT_EQ(code_of([&] { static_cast<void>(theirs.columns()); }), ErrorCode::kTableNotFound);
  table("t");
  EXPECT_EQ(code_of([&] { static_cast<void>(theirs.version()); }), ErrorCode::kTableNotFound);
}

TEST_F(CatalogTest, ADropDoesNotWaitForReaders) {
  Table t = table("t");
  const fs::path media = db().config().home / "media" / std::to_string(t.id());
  fs::create_directories(media / "1");
  std::ofstream(media / "1" / "1_1.png") << "pixels";
  {
    const auto reader = db().engine()->connect();
    reader->run("begin; select count(*) from rows_" + std::to_string(t.id()));
    db().drop_table(t);
    EXPECT_EQ(sql_tables_of(t), 1);
    reader->run("commit");
  }
  static_cast<void>(open());
  EXPECT_EQ(sql_tables_of(t), 0);
  EXPECT_FALSE(fs::exists(media));
}

TEST_F(CatalogTest, ForceDropsEverythingInADirectory) {
  db().create_directory(at("a/b"), IfExists::kError, true);
  const Table t = db().create_table(at("a/t"), {{"id", kInt}});
  filtered(at("a/b/v"), t);
  filtered(at("outside"), t);
  db().drop_directory(at("a"), true);
  EXPECT_TRUE(db().list(directory_).empty());
  EXPECT_EQ(sql_tables_of(t), 0);
}

/// Runs `work(database, i)` at once on threads that each have an engine of their own, as processes have.
template <typename Work>
int count_successes(const std::vector<Database>& databases, const Work& work) {
  std::atomic<int> successes = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < databases.size(); ++i)
    threads.emplace_back([&, i] {
      Database database = databases[i];
      try {
        work(database, i);
        ++successes;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kPathAlreadyExists) << error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return successes;
}

TEST_F(CatalogTest, SeveralProcessesCreateAtOnce) {
  const std::vector<Database> databases{open(), open(), open(), open(), open(), open()};
  Table t = table("t");
  t.insert(Batch({"id"}, {Column::constant(kInt, 3, 100)}));
  EXPECT_EQ(count_successes(databases, [&](Database& d, auto) { d.create_directory(at("d")); }), 1);
  EXPECT_EQ(count_successes(databases, [&](Database& d, auto) { d.create_table(at("one"), {{"id", kInt}}); }), 1);
  EXPECT_EQ(count_successes(databases,
                            [&](Database& d, auto i) {
                              d.create_table(at("t" + std::to_string(i)), {{"id", kInt}});
                            }),
            6);
  const auto view = [&](Database& d, const std::string& name, IfExists if_exists) {
    TableOptions options;
    options.if_exists = if_exists;
    const Table base = d.get_table(at("t"));
    const Table v = d.create_view(at(name), base, {}, base["id"] > 1, {}, options);
    EXPECT_EQ(v.query().count(), 100);
  };
  EXPECT_EQ(count_successes(databases, [&](Database& d, auto) { view(d, "v", IfExists::kError); }), 1);
  EXPECT_EQ(count_successes(databases, [&](Database& d, auto) { view(d, "w", IfExists::kIgnore); }), 6);
  EXPECT_EQ(
      count_successes(databases, [&](Database& d, auto i) { view(d, "v" + std::to_string(i), IfExists::kError); }), 6);
  EXPECT_EQ(t.views().size(), 8U);
}

}  // namespace
}  // namespace intarsia
