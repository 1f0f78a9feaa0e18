package replay

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestReadRows(t *testing.T) {
	f := func(text string, want ...Row) {
		t.Helper()
		got, err := ReadRows(strings.NewReader(text))
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	}
	const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

	// the plain case
	f(header+"536365,85123A,HOLDER,6,12/1/10 8:26,2.55,17850,United Kingdom\n",
		Row{Line: 2, Invoice: "536365", StockCode: "85123A", Customer: "17850", Country: "United Kingdom", Quantity: 6})

	// byte order mark, CRLF, quoted commas and quotes, a line break inside quotes, blanks around fields
	f("\xef\xbb\xbf"+strings.ReplaceAll(header, "\n", "\r\n")+
		"1,10101A,\"TIN, \"\"BLUE\"\"\r\nROUND\", 2 ,d,1,7.0,France\r\n2,10102,x,-3,d,1,,Eire\r\n",
		Row{Line: 2, Invoice: "1", StockCode: "10101A", Customer: "7.0", Country: "France", Quantity: 2},
		Row{Line: 4, Invoice: "2", StockCode: "10102", Country: "Eire", Quantity: -3})

	// a stray quote, other order and case of the columns, no line end at the end
	f("country,QUANTITY,customerid,stockcode,invoiceno,Description\nSpain,1,9,20201,3,LANTERN 12\" WHITE",
		Row{Line: 2, Invoice: "3", StockCode: "20201", Customer: "9", Country: "Spain", Quantity: 1})

	// rows that cannot be used stay visible
	f(header+"1,10101,x\n", Row{Line: 2, Fault: "too few fields"})
	f(header+"1,10101,x,1.5,d,1,7,Spain\n", Row{Line: 2, Invoice: "1", StockCode: "10101", Customer: "7",
		Country: "Spain",
		Fault:   "quantity is not a whole number"})
	f(header+"1,,x,1,d,1,7,Spain\n", Row{Line: 2, Invoice: "1", Customer: "7", Country: "Spain", Quantity: 1,
		Fault: "stock code empty or not usable"})
	f(header+",10101,x,1,d,1,7,\n", Row{Line: 2, StockCode: "10101", Customer: "7", Country: noCountry, Quantity: 1,
		Fault: "invoice number empty or not usable"})
	f(header+"1,10101,x,1,d,1,7,Sp\xe9in\n", Row{Line: 2, Invoice: "1", StockCode: "10101", Customer: "7",
		Country: "Sp\xe9in", Quantity: 1,
		Fault: "country not usable"})

	// only a header
	f(header)
}

func TestReadRowsRefuses(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if _, err := ReadRows(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("error %v does not contain %q", err, want)
		}
	}
	f("", "the order file is empty")
	f("InvoiceNo,StockCode,Amount,CustomerID\n1,2,3,4\n", "lacks Quantity, Country")
}

func TestKindOf(t *testing.T) {
	f := func(invoice, stockCode string, quantity int64, want rowKind, wantWhy string) {
		t.Helper()
		kind, why := kindOf(&Row{Invoice: invoice, StockCode: stockCode, Quantity: quantity})
		if kind != want || why != wantWhy {
			t.Fatalf("%s %s %d: kind %d (%q), want %d (%q)", invoice, stockCode, quantity, kind, why, want, wantWhy)
		}
	}
	f("1", "85123A", 1, rowSale, "")
	f("C1", "85123A", -1, rowReturn, "")
	f("c1", "22960", -1, rowReturn, "")
	f("C1", "22960", 1, rowSkipped, "cancellation with a positive quantity")
	f("1", "22960", -1, rowSkipped, "write-off (negative quantity, no cancellation)")
	f("1", "22960", 0, rowSkipped, "quantity zero")
	for _, code := range []string{"POST", "D", "M", "DOT", "C2", "BANK CHARGES", "gift_0001_20", "1234"} {
		f("1", code, 1, rowSkipped, "no goods")
		f("C1", code, -1, rowSkipped, "no goods")
	}
}

func TestPlan(t *testing.T) {
	plan, err := NewPlan(readFile(t, "../testdata/sample-orders.csv"), 95)
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for i, share := range plan.Countries {
		sum += share.BasisPoints
		if i > 0 && share.Units > plan.Countries[i-1].Units {
			t.Errorf("%s comes after a country with fewer units", share.Country)
		}
	}
	if sum != percentTotal {
		t.Errorf("shares sum to %d basis points, want %d", sum, percentTotal)
	}
	if got := plan.Countries[0].Country; got != "United Kingdom" {
		t.Errorf("largest country is %s", got)
	}
	if plan.RowsCount != 40 || plan.SalesCount != 27 || plan.ReturnsCount != 6 {
		t.Errorf("%d rows, %d sales, %d returns; want 40, 27, 6", plan.RowsCount, plan.SalesCount, plan.ReturnsCount)
	}
	// 95 % of 96 and of 15 units, rounded up; only returned
	want := map[string]int64{"10101A": 92, "10103": 15, "50501": 0}
	for _, item := range plan.Opening {
		if units, ok := want[item.UPC]; ok && units != item.Units {
			t.Errorf("opening of %s is %d units, want %d", item.UPC, item.Units, units)
		}
		delete(want, item.UPC)
	}
	if len(want) != 0 {
		t.Errorf("no opening stock for %v", want)
	}
}

func TestPlanWithoutSales(t *testing.T) {
	if _, err := NewPlan([]Row{{Invoice: "1", StockCode: "POST", Quantity: 1}}, 95); err != errNoSales {
		t.Fatalf("got %v, want %v", err, errNoSales)
	}
}

func TestSharesSumToHundred(t *testing.T) {
	f := func(units map[string]int64, want ...int64) {
		t.Helper()
		var got []int64
		for _, share := range shares(units) {
			got = append(got, share.BasisPoints)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	f(map[string]int64{"A": 1}, 10_000)
	f(map[string]int64{"A": 1, "B": 1, "C": 1}, 3_334, 3_333, 3_333)
	f(map[string]int64{"A": 2, "B": 1, "C": 0}, 6_667, 3_333, 0)
	f(map[string]int64{"A": 999_999, "B": 1}, 10_000, 0)
}

func TestPercentText(t *testing.T) {
	for basisPoints, want := range map[int64]string{9611: "96.11", 8000: "80", 10_000: "100", 1050: "10.5", 5: "0.05",
		0: "0"} {
		if got := percentText(basisPoints); got != want {
			t.Errorf("%d basis points: %q, want %q", basisPoints, got, want)
		}
	}
}

func readFile(t *testing.T, path string) []Row {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := ReadRows(file)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
