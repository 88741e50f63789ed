package document

// Colour is that of the line i of a plot, from 0: the palette of Okabe and Ito
// without its black and yellow, told apart by most eyes, on light and on dark.
func Colour(i int) string {
	all := []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}
	return all[i%len(all)]
}
