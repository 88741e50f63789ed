package store

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"upstream/models"
)

// What the audit log calls the changes of notification channels.
const (
	auditChannelCreated auditAction = "notification_channel_created"
	auditChannelUpdated auditAction = "notification_channel_updated"
	auditChannelDeleted auditAction = "notification_channel_deleted"
	auditChannelTested  auditAction = "notification_channel_tested"
)

// channelConfigs are the addresses and URLs of channels.
func channelConfigs() sealedColumn {
	return sealedColumn{table: "notification_channels", column: "config_sealed", tenant: true}
}

func notificationChannelSpec() listSpec[models.NotificationChannel] {
	type channel = models.NotificationChannel
	return listSpec[channel]{
		noun: "notification channel", alias: "nc", search: []string{"name"},
		order: []term{{column: "name"}, {column: "id"}},
		columns: map[string]column[channel]{
			"id":           {cast: "uuid", value: func(c *channel) any { return c.ID }},
			"name":         {cast: "text", value: func(c *channel) any { return c.Name }},
			"channel_type": {cast: "text", value: func(c *channel) any { return string(c.ChannelType) }},
			"created_at":   {cast: "timestamptz", value: func(c *channel) any { return c.CreatedAt }},
		},
	}
}

// NotificationChannels lists the customer's channels. What would let their
// reader post there is masked, here and in all other answers.
func (s *Store) NotificationChannels(ctx context.Context, v models.Viewer, f models.NotificationChannelFilter, l models.List[models.NotificationChannelOrderField]) (*models.Rows[*models.NotificationChannel], error) {
	return read(ctx, s, v, models.PermissionViewAlerts, func(tx *tenantTx) (*models.Rows[*models.NotificationChannel], error) {
		rows, err := list(ctx, tx, notificationChannelSpec(), "", everything, f, l)
		if err != nil {
			return nil, err
		}
		for _, channel := range rows.Items {
			s.show(ctx, channel)
		}
		return rows, nil
	})
}

// NotificationChannel is one channel of the customer; NOT_FOUND when it has none
// of this id.
func (s *Store) NotificationChannel(ctx context.Context, v models.Viewer, id models.NotificationChannelID) (*models.NotificationChannel, error) {
	channel, err := one[models.NotificationChannel](ctx, s, v, models.PermissionViewAlerts, id, "notification channel")
	if err != nil {
		return nil, err
	}
	return s.show(ctx, channel), nil
}

// NotificationChannelsByID are those of the channels that the customer has.
func (s *Store) NotificationChannelsByID(ctx context.Context, v models.Viewer, ids []models.NotificationChannelID) (map[models.NotificationChannelID]*models.NotificationChannel, error) {
	found, err := byID(ctx, s, v, models.PermissionViewAlerts, ids, func(c *models.NotificationChannel) models.NotificationChannelID { return c.ID })
	for _, channel := range found {
		s.show(ctx, channel)
	}
	return found, err
}

// CreateNotificationChannel stores a channel. It answers VALIDATION for bad
// input, and CONFLICT when another channel has the name, whatever its case.
func (s *Store) CreateNotificationChannel(ctx context.Context, v models.Viewer, in models.NewNotificationChannel) (*models.NotificationChannel, error) {
	if err := v.Authorize(models.PermissionManageAlerts); err != nil {
		return nil, err
	}
	if err := in.Validate(s.webhooks); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (*models.NotificationChannel, error) {
		channel := in.Channel()
		channel.CustomerID, channel.ID = tx.customer, models.NotificationChannelID{}.From(tx.newUUID())
		channel.CreatedBy, channel.Version, channel.CreatedAt, channel.UpdatedAt = tx.actorID(), 1, tx.now, tx.now
		a := s.channelChange(tx, auditChannelCreated, channel.ID, nil)
		a.apply = s.sealConfig
		row, err := a.create(ctx, tx, &channel)
		if err != nil {
			return nil, err
		}
		return s.show(ctx, row), nil
	})
}

// UpdateNotificationChannel changes a channel. It answers VALIDATION for bad
// input, NOT_FOUND, STALE, and CONFLICT when another channel has the name.
func (s *Store) UpdateNotificationChannel(ctx context.Context, v models.Viewer, in models.Update[models.NotificationChannelID, models.NotificationChannelPatch]) (*models.NotificationChannel, error) {
	if err := admit(v, models.PermissionManageAlerts, in.Patch); err != nil {
		return nil, err
	}
	return write(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (*models.NotificationChannel, error) {
		a := s.channelChange(tx, auditChannelUpdated, in.ID, in.ExpectedVersion)
		a.apply = func(c *models.NotificationChannel) error {
			// One that no key opens can be given another configuration.
			if err := s.openConfig(c); err != nil && !in.Patch.Config.Set {
				return err
			}
			was := c.Config
			if err := in.Patch.Apply(c, s.webhooks); err != nil || reflect.DeepEqual(was, c.Config) {
				return err
			}
			return s.sealConfig(c)
		}
		_, after, err := amend(ctx, tx, tx, a)
		if err != nil {
			return nil, err
		}
		return s.show(ctx, after), nil
	})
}

// DeleteNotificationChannel forgets a channel. It answers NOT_FOUND, STALE, and
// IN_USE for a channel that a rule names.
func (s *Store) DeleteNotificationChannel(ctx context.Context, v models.Viewer, in models.Deletion[models.NotificationChannelID]) error {
	_, err := write(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (struct{}, error) {
		return struct{}{}, s.channelChange(tx, auditChannelDeleted, in.ID, in.ExpectedVersion).erase(ctx, tx)
	})
	return err
}

// TestNotificationChannel sends a message that tries the channel, by a job. What
// became of it is in the channel: TestedAt and TestError. It answers NOT_FOUND,
// and CONFLICT for webhook channels: their endpoints have tests of their own.
func (s *Store) TestNotificationChannel(ctx context.Context, v models.Viewer, id models.NotificationChannelID) (*models.ChannelTest, error) {
	return write(ctx, s, v, models.PermissionManageAlerts, func(tx *tenantTx) (*models.ChannelTest, error) {
		channel, err := rowOf[models.NotificationChannel](ctx, tx, everything, id, "notification channel")
		if err != nil {
			return nil, err
		}
		if channel.ChannelType == models.ChannelWebhook {
			return nil, models.NewError(models.CodeConflict, "A webhook channel has nothing to test: test the webhook endpoints.")
		}
		if err := tx.audit(ctx, auditChannelTested, "notification_channel", id.String(), nil); err != nil {
			return nil, err
		}
		err = tx.enqueue(ctx, models.ChannelTestJob{CustomerID: tx.customer, ChannelID: id})
		return &models.ChannelTest{Channel: s.show(ctx, channel), QueuedAt: tx.now}, err
	})
}

// channelChange is an amendment of a channel; apply is the caller's to set.
func (s *Store) channelChange(tx *tenantTx, action auditAction, id models.NotificationChannelID, expected *int64) amendment[models.NotificationChannel] {
	return amendment[models.NotificationChannel]{
		noun: "notification channel", entity: "notification_channel", id: id, expected: expected, action: action,
		stamp: func(c *models.NotificationChannel) (*int64, *time.Time) { return &c.Version, &c.UpdatedAt },
		taken: func(ctx context.Context, c *models.NotificationChannel) (string, error) {
			existing := new(models.NotificationChannel)
			err := tx.selectFrom(existing).Column("id").Where("lower(nc.name) = lower(?)", c.Name).Scan(ctx)
			return existing.ID.String(), err
		},
	}
}

// sealConfig puts the configuration into the form in which it is stored.
func (s *Store) sealConfig(c *models.NotificationChannel) error {
	text, err := json.Marshal(c.Config)
	if err != nil {
		return err
	}
	c.ConfigSealed, err = s.sealer.Seal(text, channelConfigs().as(c.ID.UUID(), c.CustomerID))
	return err
}

// openConfig reads the configuration from the form in which it is stored.
func (s *Store) openConfig(c *models.NotificationChannel) error {
	text, err := s.sealer.Open(c.ConfigSealed, channelConfigs().as(c.ID.UUID(), c.CustomerID))
	if err == nil {
		err = json.Unmarshal(text, &c.Config)
	}
	if err != nil {
		return fmt.Errorf("store: open the configuration of %s: %w", c.ID, err)
	}
	return nil
}

// show makes a channel fit to be shown. Of one that no known key opens the
// configuration is empty: a list must not fail for the sake of one row.
func (s *Store) show(ctx context.Context, c *models.NotificationChannel) *models.NotificationChannel {
	if err := s.openConfig(c); err != nil {
		s.log.WarnContext(ctx, "no known key opens the configuration of a channel", "channel", c.ID)
	}
	c.Config, c.ConfigSealed = c.Config.Masked(), nil
	return c
}
