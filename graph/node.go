package graph

import (
	"context"
	"maps"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"upstream/graph/wire"
	"upstream/models"
)

// maxNodes is how many identifiers one `nodes` field takes: as many as a page
// has rows.
const maxNodes = models.MaxConnectionSize

// nodeKind fetches the objects of one kind by identifier.
type nodeKind struct {
	// add remembers one more identifier to fetch, or says why it is none.
	add func(text string) error
	// fetch answers the objects found, by identifier as text.
	fetch func(ctx context.Context, v models.Viewer) (map[string]wire.Node, error)
}

// nodeKinds are the kinds that have an object type, by prefix.
func (r *Resolver) nodeKinds() map[string]nodeKind {
	return map[string]nodeKind{
		"cust":  kindOf(r.store.CustomersByID),
		"upl":   kindOf(r.store.UploadsByID),
		"clm":   kindOf(r.store.ClaimsByID),
		"run":   kindOf(r.store.ReportRunsByID),
		"drift": kindOf(r.store.DriftEventsByID),
		"key":   kindOf(r.store.APIKeysByID),
		"aud":   kindOf(r.store.AuditEventsByID),
		"memb":  kindOf(r.store.MembersByID),
		"inv":   kindOf(r.store.InvitationsByID),
		"pmap":  kindOf(r.store.PayerMappingsByID),
		"cmap":  kindOf(r.store.CPTGroupMappingsByID),
		"rule":  kindOf(r.store.AlertRulesByID),
		"chan":  kindOf(r.store.NotificationChannelsByID),
		"alert": kindOf(r.store.AlertEventsByID),
		"judg":  kindOf(r.store.OperatorJudgmentsByID),
		"hook":  kindOf(r.store.WebhookEndpointsByID),
		"dlv":   kindOf(r.store.WebhookDeliveriesByID),
		"evt":   kindOf(r.store.WebhookEventsByID),
		"job":   kindOf(r.store.WebhookReplaysByID),
	}
}

func kindOf[K models.Kind, T any](
	byID func(context.Context, models.Viewer, []models.ID[K]) (map[models.ID[K]]*T, error),
) nodeKind {
	var ids []models.ID[K]
	return nodeKind{
		add: func(text string) error {
			id, err := models.ParseID[K](text)
			ids = append(ids, id)
			return err
		},
		fetch: func(ctx context.Context, v models.Viewer) (map[string]wire.Node, error) {
			found, err := byID(ctx, v, ids)
			if err != nil {
				return nil, err
			}
			adopt(ctx, values(found))
			nodes := make(map[string]wire.Node, len(found))
			for id, row := range found {
				nodes[id.String()] = row
			}
			return nodes, nil
		},
	}
}

// nodes finds objects of any kind by identifier, one read per kind, in the
// order asked for and nil where there is none. pathOf names an argument.
func (r *Resolver) nodes(ctx context.Context, ids []string, pathOf func(i int) string) ([]wire.Node, error) {
	v, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	kinds := r.nodeKinds()
	wanted := map[string]nodeKind{}
	var fields []models.FieldError
	for i, id := range ids {
		kind, known := kinds[models.IDPrefix(id)]
		if !known {
			fields = append(fields, models.FieldError{
				Path: pathOf(i), Code: "invalid",
				Message: "must be an identifier of a customer, upload, claim, report run, drift event, API key, audit event, member, invitation, payer mapping, CPT group mapping, alert rule, notification channel, alert, judgment, webhook endpoint, webhook delivery, webhook event or webhook replay",
			})
			continue
		}
		if err := kind.add(id); err != nil {
			fields = append(fields, models.FieldError{Path: pathOf(i), Code: "invalid", Message: err.Error()})
		}
		wanted[models.IDPrefix(id)] = kind
	}
	if err := models.Invalid(fields...); err != nil {
		return nil, err
	}
	return collect(ctx, v, ids, wanted)
}

func collect(ctx context.Context, v models.Viewer, ids []string, wanted map[string]nodeKind) ([]wire.Node, error) {
	found := map[string]wire.Node{}
	for _, kind := range wanted {
		some, err := kind.fetch(ctx, v)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, some)
	}
	nodes := make([]wire.Node, len(ids))
	for i, id := range ids {
		nodes[i] = found[id]
	}
	return nodes, nil
}

// readID reads the identifier in an input field into dst, which stays nil when
// there is none.
func readID[K models.Kind](ctx context.Context, dst **models.ID[K], text *string) error {
	if text == nil {
		return nil
	}
	*dst = new(models.ID[K])
	return parseID(ctx, *dst, *text)
}

// parseID is readID for a field that must be given.
func parseID[K models.Kind](ctx context.Context, dst *models.ID[K], text string) error {
	id, err := models.ParseID[K](text)
	if err != nil {
		return graphql.ErrorOnPath(ctx, err)
	}
	*dst = id
	return nil
}

// inputID reads the identifier in a field of a mutation's input, of the kind of
// the first argument.
func inputID[K models.Kind](_ models.ID[K], path, text string) (models.ID[K], error) {
	id, err := models.ParseID[K](text)
	if err != nil {
		return id, models.InvalidField(path, "invalid", "%s", err.Error())
	}
	return id, nil
}

// nodesPath names one of the identifiers of `nodes`.
func nodesPath(i int) string { return "ids." + strconv.Itoa(i) }
