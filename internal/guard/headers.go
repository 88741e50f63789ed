package guard

import "net/http"

// Policy is the Content-Security-Policy of every answer that does not bring its
// own: what is no page loads nothing, should a browser show it as one.
const Policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// transportSecurity makes browsers use HTTPS for a year. It does not ask to be
// preloaded: that binds a whole domain, whose owner must ask.
const transportSecurity = "max-age=31536000; includeSubDomains"

// featuresOff are the powers of a browser that no page of ours uses.
const featuresOff = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), " +
	"microphone=(), midi=(), payment=(), usb=(), interest-cohort=()"

// Headers sets what every answer carries, before anything else is done, so that
// errors and recovered panics have it too; handlers replace what they know
// better. With https, browsers are told to come by HTTPS only.
//
// X-XSS-Protection is left out on purpose: the filter it switched on is gone
// from browsers, and where it is not, it can be turned against a page.
func Headers(https bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", Policy)
			h.Set("Cache-Control", "no-store")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-Frame-Options", "DENY")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Permissions-Policy", featuresOff)
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			if https {
				h.Set("Strict-Transport-Security", transportSecurity)
			}
			next.ServeHTTP(w, r)
		})
	}
}
