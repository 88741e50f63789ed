package wire

import "upstream/models"

// Node is any object with an identifier: one of the entity types of models.
type Node any

// PageInfo says where a page stands within its list.
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// Edge is one row of a connection with its cursor.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// Connection is one page of a list.
type Connection[T any] struct {
	Edges    []Edge[T]
	Nodes    []T
	PageInfo PageInfo
	// TotalCount counts the whole list; zero unless the selection asked for it.
	TotalCount int64
}

// The connections and edges of each noun.
type (
	UploadConnection          = Connection[*models.Upload]
	UploadEdge                = Edge[*models.Upload]
	RejectionConnection       = Connection[*models.Rejection]
	RejectionEdge             = Edge[*models.Rejection]
	ClaimConnection           = Connection[*models.Claim]
	ClaimEdge                 = Edge[*models.Claim]
	ReportRunConnection       = Connection[*models.ReportRun]
	ReportRunEdge             = Edge[*models.ReportRun]
	DriftEventConnection      = Connection[*models.DriftEvent]
	DriftEventEdge            = Edge[*models.DriftEvent]
	DriftTestConnection       = Connection[*models.DriftTest]
	DriftTestEdge             = Edge[*models.DriftTest]
	APIKeyConnection          = Connection[*models.APIKey]
	APIKeyEdge                = Edge[*models.APIKey]
	AuditEventConnection      = Connection[*models.AuditEvent]
	AuditEventEdge            = Edge[*models.AuditEvent]
	CustomerConnection        = Connection[*models.Customer]
	CustomerEdge              = Edge[*models.Customer]
	InvitationConnection      = Connection[*models.Invitation]
	InvitationEdge            = Edge[*models.Invitation]
	PayerMappingConnection    = Connection[*models.PayerMapping]
	PayerMappingEdge          = Edge[*models.PayerMapping]
	CPTGroupMappingConnection = Connection[*models.CPTGroupMapping]
	CPTGroupMappingEdge       = Edge[*models.CPTGroupMapping]
	MemberConnection          = Connection[*models.Member]
	MemberEdge                = Edge[*models.Member]
	PayerSummaryConnection    = Connection[*models.PayerSummary]
	PayerSummaryEdge          = Edge[*models.PayerSummary]
	ClaimStatsConnection      = Connection[*models.ClaimStats]
	ClaimStatsEdge            = Edge[*models.ClaimStats]
	WebhookEndpointConnection = Connection[*models.WebhookEndpoint]
	WebhookEndpointEdge       = Edge[*models.WebhookEndpoint]
	WebhookDeliveryConnection = Connection[*models.WebhookDelivery]
	WebhookDeliveryEdge       = Edge[*models.WebhookDelivery]
	DeliveryAttemptConnection = Connection[*models.DeliveryAttempt]
	DeliveryAttemptEdge       = Edge[*models.DeliveryAttempt]
	WebhookReplayConnection   = Connection[*models.WebhookReplay]
	WebhookReplayEdge         = Edge[*models.WebhookReplay]
	WebhookEventConnection    = Connection[*models.WebhookEvent]
	WebhookEventEdge          = Edge[*models.WebhookEvent]

	AlertRuleConnection           = Connection[*models.AlertRule]
	AlertRuleEdge                 = Edge[*models.AlertRule]
	NotificationChannelConnection = Connection[*models.NotificationChannel]
	NotificationChannelEdge       = Edge[*models.NotificationChannel]
	AlertEventConnection          = Connection[*models.AlertEvent]
	AlertEventEdge                = Edge[*models.AlertEvent]
	AlertHistoryEntryConnection   = Connection[*models.AlertHistoryEntry]
	AlertHistoryEntryEdge         = Edge[*models.AlertHistoryEntry]
	AlertNotificationConnection   = Connection[*models.AlertNotification]
	AlertNotificationEdge         = Edge[*models.AlertNotification]
	OperatorJudgmentConnection    = Connection[*models.OperatorJudgment]
	OperatorJudgmentEdge          = Edge[*models.OperatorJudgment]
)

// NewConnection arranges a page of rows the way Relay wants it. A nil page is
// an empty connection.
func NewConnection[T any](rows *models.Rows[T]) *Connection[T] {
	c := &Connection[T]{Edges: []Edge[T]{}, Nodes: []T{}}
	if rows == nil {
		return c
	}
	for i, item := range rows.Items {
		c.Edges = append(c.Edges, Edge[T]{Cursor: rows.Cursors[i], Node: item})
	}
	c.Nodes = append(c.Nodes, rows.Items...)
	c.PageInfo = PageInfo{HasNextPage: rows.HasNext, HasPreviousPage: rows.HasPrevious}
	if n := len(c.Edges); n > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = &c.Edges[0].Cursor, &c.Edges[n-1].Cursor
	}
	if rows.Total != nil {
		c.TotalCount = *rows.Total
	}
	return c
}
