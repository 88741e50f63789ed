package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Headers are the three headers of the Standard Webhooks specification: the
// identifier of the message, which no attempt changes, the time of the attempt,
// and a signature of both and the body by each key. Several keys sign during a
// rotation; the receiver accepts any of them.
func Headers(id string, at time.Time, body []byte, keys ...Key) (http.Header, error) {
	if id == "" || strings.Contains(id, ".") {
		return nil, errors.New("webhook: an identifier must not be empty or contain a dot, which separates what is signed")
	}
	if len(keys) == 0 {
		return nil, errors.New("webhook: no key to sign with")
	}
	signatures := make([]string, len(keys))
	for i, key := range keys {
		if len(key.bytes) == 0 {
			return nil, errors.New("webhook: an empty key signs nothing")
		}
		signer, err := standardwebhooks.NewWebhookRaw(key.bytes)
		if err != nil {
			return nil, fmt.Errorf("webhook: %w", err)
		}
		if signatures[i], err = signer.Sign(id, at, body); err != nil {
			return nil, fmt.Errorf("webhook: %w", err)
		}
	}
	header := http.Header{}
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return header, nil
}
