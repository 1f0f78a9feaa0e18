package replay

import "strings"

// rowKind is the meaning of a row for stock.
type rowKind uint8

const (
	rowSkipped rowKind = iota
	rowSale            // units leave
	rowReturn          // units come back
)

// goodsDigits is the number of digits at the start of a stock code for goods, at least. Codes such as POST, D, M, DOT,
// C2 or BANK CHARGES are postage, discounts and book entries, not goods.
const goodsDigits = 5

// kindOf gives the kind of a row, and the reason for a skipped one.
func kindOf(row *Row) (kind rowKind, why string) {
	switch cancelled := isCancellation(row.Invoice); {
	case row.Fault != "":
		return rowSkipped, row.Fault
	case !isGoods(row.StockCode):
		return rowSkipped, "no goods"
	case row.Quantity == 0:
		return rowSkipped, "quantity zero"
	case cancelled && row.Quantity > 0:
		return rowSkipped, "cancellation with a positive quantity"
	case cancelled:
		return rowReturn, ""
	case row.Quantity < 0:
		return rowSkipped, "write-off (negative quantity, no cancellation)"
	}
	return rowSale, ""
}

// isCancellation reports whether an invoice number names a cancellation: it starts with C.
func isCancellation(invoice string) bool { return strings.HasPrefix(strings.ToUpper(invoice), "C") }

func isGoods(stockCode string) bool {
	digits := 0
	for digits < len(stockCode) && stockCode[digits] >= '0' && stockCode[digits] <= '9' {
		digits++
	}
	return digits >= goodsDigits
}

// Units is the units that a row moves: positive if they leave, negative if they come back, 0 for a row without effect.
func (r *Row) Units() int64 {
	if kind, _ := kindOf(r); kind == rowSkipped {
		return 0
	}
	return r.Quantity
}
