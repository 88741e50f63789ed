-- What lists of mappings are ordered by and narrowed to. Mappings are few and
-- seldom written, so that an index for each costs nothing that shows.

-- Serves the list of payer mappings in its own order.
CREATE INDEX payer_mappings_customer_id_raw_name_id_idx ON payer_mappings (customer_id, raw_name, id);
-- Serves the order by the name that claims get.
CREATE INDEX payer_mappings_customer_id_normalized_name_id_idx ON payer_mappings (customer_id, normalized_name, id);
-- Serves the order by age.
CREATE INDEX payer_mappings_customer_id_created_at_id_idx ON payer_mappings (customer_id, created_at, id);
-- Serves the mappings to one group, and the order by group. The order by code
-- has the unique index.
CREATE INDEX cpt_group_mappings_customer_id_cpt_group_id_idx ON cpt_group_mappings (customer_id, cpt_group, id);
-- Serves the order by age.
CREATE INDEX cpt_group_mappings_customer_id_created_at_id_idx ON cpt_group_mappings (customer_id, created_at, id);
