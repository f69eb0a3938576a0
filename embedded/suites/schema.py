"""Makes the tables that the suites expect in a database of the embedded engine, as far as it knows their types.

    python schema.py python-oracledb|rust-oracle FILE

The tables of both suites have the same names, not the same columns, so each suite has a file of its own. A table that the engine refuses
is left out and named on standard error: the tests on it fail, which the counts show.
"""

import datetime
import sys

import oracledb

USER, PASSWORD = "suite", "suite"
ROWS = range(1, 11)

TEXTS = """
    IntCol number(9) not null, StringCol varchar2(20) not null, RawCol raw(30) not null, FixedCharCol char(40) not null,
    NullableCol varchar2(50)"""
UNICODES = """
    IntCol number(9) not null, UnicodeCol nvarchar2(20) not null, FixedUnicodeCol nchar(40) not null, NullableCol nvarchar2(50)"""
DATES = "IntCol number(9) not null, DateCol date not null, NullableCol date"
ARRAY_DML = "IntCol number(9) not null constraint TestArrayDML_pk primary key, StringCol varchar2(100), IntCol2 number(3)"
SESSION_CALLBACKS = "RequestedTag varchar2(250), ActualTag varchar2(250), FixupTimestamp timestamp"


def lob_table(kind):
    name = kind.upper() + "Col"
    return f"""IntCol number(9) not null, {name} {kind} not null, ExtraNumCol1 number(9), Extra{name}1 {kind},
        ExtraNumCol2 number(9), Extra{name}2 {kind}"""


PYTHON_TABLES = {
    "TestNumbers": """IntCol number(9) not null, LongIntCol number(16) not null, NumberCol number(9, 2) not null, FloatCol float not null,
        UnconstrainedCol number not null, NullableCol number(38)""",
    "TestStrings": TEXTS,
    "TestUnicodes": UNICODES,
    "TestDates": DATES,
    "TestCLOBs": lob_table("clob"),
    "TestNCLOBs": lob_table("nclob"),
    "TestBLOBs": lob_table("blob"),
    "TestLongs": "IntCol number(9) not null, LongCol long",
    "TestLongRaws": "IntCol number(9) not null, LongRawCol long raw",
    "TestTempTable": """IntCol number(9) not null constraint TestTempTable_pk primary key, StringCol1 varchar2(400),
        StringCol2 varchar2(400), NumberCol number(25, 2)""",
    "TestArrayDML": ARRAY_DML,
    "TestTimestamps": """IntCol number(9) not null, TimestampCol timestamp not null, NullableCol timestamp,
        TimestampPrecisionCol timestamp(4)""",
    "TestTimestampLTZs": """IntCol number(9) not null, TimestampLTZCol timestamp with local time zone not null,
        NullableCol timestamp with local time zone, TimestampLTZPrecisionCol timestamp(5) with local time zone""",
    "TestTimestampTZs": """IntCol number(9) not null, TimestampTZCol timestamp with time zone not null,
        NullableCol timestamp with time zone, TimestampTZPrecisionCol timestamp(7) with time zone""",
    "TestIntervals": """IntCol number(9) not null, IntervalCol interval day to second not null, NullableCol interval day to second,
        IntervalPrecisionCol interval day(7) to second, IntervalPrecisionScaleCol interval day(8) to second(9)""",
    "TestIntervalYMs": """IntCol number(9) not null, IntervalCol interval year to month not null, NullableCol interval year to month,
        IntervalPrecisionCol interval year(3) to month""",
    "TestUniversalRowids": """IntCol number(9) not null, StringCol varchar2(250) not null, DateCol date not null,
        constraint TestUniversalRowids_pk primary key (IntCol, StringCol, DateCol)""",
    "TestRowids": "IntCol number(9) not null, RowidCol rowid, URowidCol urowid",
    "TestJsonCols": """IntCol number(9) not null, JsonVarchar varchar2(4000) not null, JsonClob clob not null, JsonBlob blob not null""",
    "TestAllTypes": """NumberValue number, StringValue varchar2(60), FixedCharValue char(10), NStringValue nvarchar2(60),
        NFixedCharValue nchar(10), RawValue raw(16), IntValue integer, SmallIntValue smallint, RealValue real, DecimalValue number(20, 6),
        DoublePrecisionValue double precision, FloatValue float, BinaryFloatValue binary_float, BinaryDoubleValue binary_double,
        DateValue date, TimestampValue timestamp, TimestampTZValue timestamp with time zone,
        TimestampLTZValue timestamp with local time zone, IntervalDSValue interval day to second,
        IntervalYMValue interval year to month, CLOBValue clob, NCLOBValue nclob, BLOBValue blob""",
    "PlsqlSessionCallbacks": SESSION_CALLBACKS,
    "TestDataframe": """Id number(9), FirstName varchar2(100), LastName varchar2(100), City varchar2(100), Country varchar2(100),
        DateOfBirth date, Salary number(9, 2), CreditScore number(3, 0), LastUpdated timestamp, DecimalData number(15, 4),
        IntegerData number(15), LongIntegerData number(38), UnconstrainedNumberData number, FloatData binary_float,
        DoubleData binary_double, RawData raw(100), LongData clob, LongRawData blob""",
}

RUST_TABLES = {
    "TestNumbers": """IntCol number(9) not null, NumberCol number(9, 2) not null, FloatCol float not null,
        UnconstrainedCol number not null, NullableCol number(38)""",
    "TestStrings": TEXTS,
    "TestUnicodes": UNICODES,
    "TestDates": DATES,
    "TestCLOBs": "IntCol number(9) not null, CLOBCol clob not null",
    "TestNCLOBs": "IntCol number(9) not null, NCLOBCol nclob not null",
    "TestBLOBs": "IntCol number(9) not null, BLOBCol blob not null",
    "TestLongs": "IntCol number(9) not null, LongCol long not null",
    "TestLongRaws": "IntCol number(9) not null, LongRawCol long raw not null",
    "TestTempTable": "IntCol number(9) not null constraint TestTempTable_pk primary key, StringCol varchar2(100)",
    "TestArrayDML": ARRAY_DML,
    "TestTimestamps": """IntCol number(9) not null, TimestampCol timestamp not null, TimestampTZCol timestamp with time zone not null,
        TimestampLTZCol timestamp with local time zone not null, NullableCol timestamp""",
    "TestIntervals": "IntCol number(9) not null, IntervalCol interval day to second not null, NullableCol interval day to second",
    "TestOrgIndex": "IntCol number(9) not null, StringCol varchar2(30) not null, constraint pk_index primary key (IntCol)",
    "PlsqlSessionCallbacks": SESSION_CALLBACKS,
}


# Procedures, functions and packages that the tests call, in the PL/SQL that the engine knows.
def array_package(name, element, in_extra, in_total, out_element, inout_element):
    """A package of index-by tables: a total of what comes in, elements that go out, elements that are changed."""
    table = f"type udt_List is table of {element} index by binary_integer"
    heads = (
        f"function TestInArrays(a_Start number{in_extra}, a_Array udt_List) return number",
        "procedure TestInOutArrays(a_Count number, a_Array in out udt_List)",
        "procedure TestOutArrays(a_Count number, a_Array out udt_List)",
    )
    specification = f"create or replace package {name} as {table}; {'; '.join(heads)}; end;"
    body = f"""create or replace package body {name} as
        {heads[0]} is
            t_Total number := a_Start;
        begin
            for i in 1..a_Array.count loop
                t_Total := t_Total + {in_total};
            end loop;
            return t_Total;
        end;
        {heads[1]} is
        begin
            for i in 1..a_Count loop
                a_Array(i) := {inout_element};
            end loop;
        end;
        {heads[2]} is
        begin
            for i in 1..a_Count loop
                a_Array(i) := {out_element};
            end loop;
        end;
    end;"""
    return [specification, body]


def text_package(name, element, quote, letter):
    converted = f"{quote}Converted element {letter}# ' || i || ' originally had length ' || length(a_Array(i))"
    return array_package(name, element, "", "length(a_Array(i))", f"{quote}Test out element {letter}# ' || i", converted)


PYTHON_UNITS = [
    *text_package("pkg_TestStringArrays", "varchar2(100)", "'", ""),
    *text_package("pkg_TestUnicodeArrays", "nvarchar2(100)", "'", "\u3042 "),
    *array_package("pkg_TestNumberArrays", "number", "", "a_Array(i)", "i * 100", "a_Array(i) * 10"),
    *array_package(
        "pkg_TestDateArrays",
        "date",
        ", a_Base date",
        "(a_Array(i) - a_Base)",
        "to_date('2002-12-12', 'YYYY-MM-DD') + i * 1.2",
        "a_Array(i) + 7",
    ),
    """create or replace procedure proc_Test(a_InValue varchar2, a_InOutValue in out number, a_OutValue out number) as
    begin
        a_InOutValue := a_InOutValue * length(a_InValue);
        a_OutValue := length(a_InValue);
    end;""",
    """create or replace procedure proc_Test2(a_InValue varchar2, a_InOutValue in out number, a_OutValue out boolean) as
    begin
        a_InOutValue := a_InOutValue * length(a_InValue);
        a_OutValue := true;
    end;""",
    "create or replace procedure proc_TestNoArgs as begin null; end;",
    """create or replace function func_Test(a_String varchar2, a_ExtraAmount number) return number as
    begin
        return length(a_String) + a_ExtraAmount;
    end;""",
    """create or replace function func_Test2(a_String varchar2, a_ExtraAmount number, a_Boolean boolean) return number as
    begin
        if a_Boolean then
            return length(a_String) + a_ExtraAmount;
        end if;
        return length(a_String) - a_ExtraAmount;
    end;""",
    "create or replace function func_TestNoArgs return number as begin return 712; end;",
    """create or replace package pkg_TestBooleans as
        function GetStringRep(a_Value boolean) return varchar2;
        function IsLessThan10(a_Value number) return boolean;
        function TestOutValueNull return boolean;
    end;""",
    """create or replace package body pkg_TestBooleans as
        function GetStringRep(a_Value boolean) return varchar2 is
        begin
            if a_Value is null then
                return 'NULL';
            elsif a_Value then
                return 'TRUE';
            end if;
            return 'FALSE';
        end;
        function IsLessThan10(a_Value number) return boolean is
        begin
            return a_Value < 10;
        end;
        function TestOutValueNull return boolean is
        begin
            return null;
        end;
    end;""",
    """create or replace package pkg_TestRefCursors as
        procedure TestOutCursor(a_MaxIntValue number, a_Cursor out sys_refcursor);
        function TestReturnCursor(a_MaxIntValue number) return sys_refcursor;
        function TestInCursor(a_Cursor sys_refcursor) return varchar2;
        procedure TestLobCursor(a_Value varchar2, a_Cursor out sys_refcursor);
        procedure TestCloseCursor(a_Cursor sys_refcursor);
    end;""",
    """create or replace package body pkg_TestRefCursors as
        procedure TestOutCursor(a_MaxIntValue number, a_Cursor out sys_refcursor) is
        begin
            open a_Cursor for select IntCol, StringCol from TestStrings where IntCol <= a_MaxIntValue order by IntCol;
        end;
        function TestReturnCursor(a_MaxIntValue number) return sys_refcursor is
            t_Cursor sys_refcursor;
        begin
            open t_Cursor for select IntCol, StringCol from TestStrings where IntCol <= a_MaxIntValue order by IntCol;
            return t_Cursor;
        end;
        function TestInCursor(a_Cursor sys_refcursor) return varchar2 is
            t_Value varchar2(100);
        begin
            fetch a_Cursor into t_Value;
            fetch a_Cursor into t_Value;
            fetch a_Cursor into t_Value;
            return t_Value || ' (Modified)';
        end;
        procedure TestLobCursor(a_Value varchar2, a_Cursor out sys_refcursor) is
        begin
            open a_Cursor for select to_clob(a_Value) from dual;
        end;
        procedure TestCloseCursor(a_Cursor sys_refcursor) is
        begin
            close a_Cursor;
        end;
    end;""",
    """create or replace procedure myrefcursorproc(a_Cursor out sys_refcursor) as
    begin
        open a_Cursor for select * from TestTempTable;
    end;""",
    """create or replace package pkg_TestLOBs as
        procedure GetSize(a_CLOB clob, a_Size out number);
        procedure TestInOut(a_CLOB in out clob, a_SearchValue varchar2, a_ReplaceValue varchar2);
    end;""",
    """create or replace package body pkg_TestLOBs as
        procedure GetSize(a_CLOB clob, a_Size out number) is
        begin
            a_Size := length(a_CLOB);
        end;
        procedure TestInOut(a_CLOB in out clob, a_SearchValue varchar2, a_ReplaceValue varchar2) is
        begin
            if a_SearchValue is not null then
                a_CLOB := replace(a_CLOB, a_SearchValue, a_ReplaceValue);
            end if;
        end;
    end;""",
]


OPTIONS = {"TestUniversalRowids": " organization index", "TestOrgIndex": " organization index"}


def odd(row, value):
    return value if row % 2 else None


def moment(day, days, seconds, fraction):
    """A day, some days and `seconds.fraction` later, where the fraction is written in decimal digits."""
    return day + datetime.timedelta(days=days, seconds=seconds, microseconds=int(f"{fraction:0<6}"))


def zone(row):
    """The offset of a row of the zoned timestamps: odd rows east of UTC, even ones west, half hours but for multiples of four."""
    return (1 if row % 2 else -1) * datetime.timedelta(hours=row, minutes=30 if row % 4 else 0)


def local_rows(day):
    other = datetime.datetime(2009, 12, 14)
    for row in ROWS:
        yield (row, moment(day, row, row * 2, row * 50) - zone(row), odd(row, moment(day, row + 1, row * 3, row * 125)), other)


def zoned_rows(day):
    """As text: python-oracledb binds no zones."""
    for row in ROWS:
        minutes = abs(zone(row)) // datetime.timedelta(minutes=1)
        offset = f"{'+' if row % 2 else '-'}{minutes // 60:02}:{minutes % 60:02}"
        first, second = moment(day, row, row * 2, row * 50), moment(day, row + 1, row * 3, row * 125)
        yield (row, f"{first} {offset}", odd(row, f"{second} +00:00"), "2009-12-14 00:00:00.0 +00:00")


def number_rows(with_long):
    for row in ROWS:
        long = (str(38**row),) if with_long else ()
        yield (row, *long, str(row * 1.25), str(row * 1.75), str(row**3 + row * 0.5), odd(row, str(143**row)))


def text_rows():
    for row in ROWS:
        yield (row, f"String {row}", f"Raw {row}".encode(), f"Fixed Char {row}", odd(row, f"Nullable {row}"))


def unicode_rows():
    for row in ROWS:
        yield (row, f"Unicode \u3042 {row}", f"Fixed Unicode {row}", odd(row, f"Nullable {row}"))


def date_rows():
    day = datetime.datetime(2002, 12, 9)
    for row in ROWS:
        # 2.4 hours and 3.6 hours for every row
        first = day + datetime.timedelta(days=row, minutes=144 * row)
        yield (row, first, odd(row, day + datetime.timedelta(days=2 * row, minutes=216 * row)))


def timestamp_rows():
    day, other = datetime.datetime(2002, 12, 9), datetime.datetime(2009, 12, 14)
    for row in ROWS:
        yield (row, moment(day, row, row * 2, row * 50), odd(row, moment(day, row + 1, row * 3, row * 125)), other)


def interval_rows(with_precisions):
    delta = datetime.timedelta
    for row in ROWS:
        first = delta(days=row, hours=row, minutes=row * 2, seconds=row * 3)
        second = odd(row, delta(days=row + 5, hours=row + 2, minutes=row * 2 + 5, seconds=row * 3 + 5))
        more = (delta(days=8, hours=5, minutes=15), delta(days=10, hours=12, minutes=15, seconds=15)) if with_precisions else ()
        yield (row, first, second, *more)


def year_month_rows():
    for row in ROWS:
        # '-4-1' is minus four years and one month: the sign is that of the whole
        years = row - 5
        sign = -1 if years < 0 else 1
        first = oracledb.IntervalYM(years, sign * row) if row < 12 else None
        yield (row, first, odd(row, oracledb.IntervalYM(row + 5, row + 2)), oracledb.IntervalYM(3, 8))


PYTHON_ROWS = {
    "TestNumbers": lambda: number_rows(True),
    "TestStrings": text_rows,
    "TestUnicodes": unicode_rows,
    "TestDates": date_rows,
    "TestTimestamps": timestamp_rows,
    "TestTimestampLTZs": lambda: local_rows(datetime.datetime(2022, 6, 2)),
    "TestTimestampTZs": lambda: zoned_rows(datetime.datetime(2022, 6, 3)),
    "TestIntervals": lambda: interval_rows(True),
    "TestIntervalYMs": year_month_rows,
    "TestJsonCols": lambda: [(1, "[1, 2, 3]", "[4, 5, 6]", b"[7, 8, 9]")],
}

RUST_ROWS = {
    "TestNumbers": lambda: number_rows(False),
    "TestStrings": text_rows,
    "TestUnicodes": unicode_rows,
    "TestDates": date_rows,
    "TestIntervals": lambda: interval_rows(False),
    "TestOrgIndex": lambda: [(row, f"String value {row}") for row in range(1, 31)],
}


def make_table(connection, table, columns, rows):
    cursor = connection.cursor()
    cursor.execute(f"create table {table} ({columns}){OPTIONS.get(table, '')}")
    if rows is not None:
        values = list(rows())
        if isinstance(values[0][1], datetime.datetime):
            # dates are bound as DATE, without fractions, unless asked otherwise
            cursor.execute(f"select * from {table} where 1 = 0")
            cursor.setinputsizes(*(column.type_code for column in cursor.description))
        if table == "TestTimestampTZs":
            cursor.execute("alter session set nls_timestamp_tz_format = 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM'")
        places = ", ".join(f":{place + 1}" for place in range(len(values[0])))
        cursor.executemany(f"insert into {table} values ({places})", values)
        connection.commit()


def make_units(connection):
    cursor = connection.cursor()
    for unit in PYTHON_UNITS:
        try:
            cursor.execute(unit)
        except oracledb.Error as error:
            print(f"suites: {unit[:60]}: {error}", file=sys.stderr)
        if cursor.warning:
            print(f"suites: {unit[:60]}: does not compile", file=sys.stderr)


def main():
    suite, file = sys.argv[1:]
    tables, rows = {"python-oracledb": (PYTHON_TABLES, PYTHON_ROWS), "rust-oracle": (RUST_TABLES, RUST_ROWS)}[suite]
    oracledb.init_oracle_client()
    admin = oracledb.connect(user="suite_admin", password=PASSWORD, dsn=file)
    for user in ("suite_admin", USER, "suite_proxy"):
        admin.cursor().execute(f"create user {user} identified by {PASSWORD}")
    admin.cursor().execute(f"alter user suite_proxy grant connect through {USER}")
    admin.cursor().execute("create edition pythonedition")
    connection = oracledb.connect(user=USER, password=PASSWORD, dsn=file)
    connection.cursor().execute("alter session set time_zone = '+00:00'")
    for table, columns in tables.items():
        try:
            make_table(connection, table, columns, rows.get(table))
        except oracledb.Error as error:
            print(f"suites: {suite}: {table}: {error}", file=sys.stderr)
    if suite == "python-oracledb":
        make_units(connection)


if __name__ == "__main__":
    main()
