-- What answers cost that count claims must not grow with the claims. These
-- tables hold the counts, and triggers keep them in the very statement that
-- stores claims: there is no moment at which they are behind.
--
-- The back-fill reads all claims once, about two seconds for a million, and
-- keeps claims from being written meanwhile.

-- By the day of the decision: totals and the trend of the dashboard.
CREATE TABLE claim_days (
    customer_id  uuid   NOT NULL,
    decided_date date   NOT NULL,
    claims       bigint NOT NULL,
    denied       bigint NOT NULL,
    CONSTRAINT claim_days_pkey PRIMARY KEY (customer_id, decided_date),
    CONSTRAINT claim_days_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT claim_days_claims_check CHECK (claims >= 1),
    CONSTRAINT claim_days_denied_check CHECK (denied BETWEEN 0 AND claims)
);

-- By the day of submission and payer: the payer summary.
CREATE TABLE claim_payer_days (
    customer_id    uuid          NOT NULL,
    submitted_date date          NOT NULL,
    payer          varchar(255)  NOT NULL,
    -- Integers add up in a third of the time that bigints take, and two billion
    -- claims to one payer on one day are out of reach.
    paid           integer       NOT NULL,
    denied         integer       NOT NULL,
    other          integer       NOT NULL,
    -- How many claims have an allowed amount, and how much it is together.
    allowed        integer       NOT NULL,
    allowed_amount numeric(24,2) NOT NULL,
    CONSTRAINT claim_payer_days_pkey PRIMARY KEY (customer_id, submitted_date, payer),
    CONSTRAINT claim_payer_days_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT claim_payer_days_paid_check CHECK (paid >= 0),
    CONSTRAINT claim_payer_days_denied_check CHECK (denied >= 0),
    CONSTRAINT claim_payer_days_other_check CHECK (other >= 0),
    CONSTRAINT claim_payer_days_paid_denied_other_check CHECK (paid + denied + other >= 1),
    CONSTRAINT claim_payer_days_allowed_check CHECK (allowed BETWEEN 0 AND paid + denied + other),
    CONSTRAINT claim_payer_days_allowed_amount_check CHECK (allowed_amount >= 0 AND (allowed > 0 OR allowed_amount = 0))
);

-- By the month of the decision and all that claims are grouped by: statistics.
CREATE TABLE claim_months (
    customer_id        uuid          NOT NULL,
    -- The first day of the month.
    month              date          NOT NULL,
    payer              varchar(255)  NOT NULL,
    cpt_group          varchar(50)   NOT NULL,
    outcome            varchar(20)   NOT NULL,
    -- Empty for claims without one.
    denial_reason_code varchar(50)   NOT NULL,
    claims             bigint        NOT NULL,
    billed_amount      numeric(24,2) NOT NULL,
    allowed_amount     numeric(24,2) NOT NULL,
    paid_amount        numeric(24,2) NOT NULL,
    CONSTRAINT claim_months_pkey PRIMARY KEY (customer_id, month, payer, cpt_group, outcome, denial_reason_code),
    CONSTRAINT claim_months_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers (id),
    CONSTRAINT claim_months_month_check CHECK (extract(day FROM month) = 1),
    CONSTRAINT claim_months_claims_check CHECK (claims >= 1),
    CONSTRAINT claim_months_billed_amount_check CHECK (billed_amount >= 0),
    CONSTRAINT claim_months_allowed_amount_check CHECK (allowed_amount >= 0),
    CONSTRAINT claim_months_paid_amount_check CHECK (paid_amount >= 0)
);

DO $$
DECLARE
    rollup text;
BEGIN
    FOREACH rollup IN ARRAY ARRAY['claim_days', 'claim_payer_days', 'claim_months'] LOOP
        -- Counts change in place: room on the page keeps the indexes out of it.
        EXECUTE format('ALTER TABLE %I SET (fillfactor = 80)', rollup);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', rollup);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', rollup);
        EXECUTE format($policy$CREATE POLICY %I ON %I
            USING (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))
            WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer_id', true), '')::uuid))$policy$,
            rollup || '_tenant', rollup);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO upstream_app', rollup);
    END LOOP;
END
$$;

-- Adds the claims that a statement stored. Who stores claims of a customer waits
-- for whoever did so before to commit: so two that add to the same counts in
-- another order do not wait for each other for ever. It is the lock that
-- ingestion takes before it stores the first claim.
CREATE FUNCTION claims_roll_up() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('upstream.ingest:' || f.customer_id, 0))
    FROM (SELECT customer_id FROM fresh LIMIT 1) f;

    INSERT INTO claim_days AS r (customer_id, decided_date, claims, denied)
    SELECT customer_id, decided_date, count(*), count(*) FILTER (WHERE outcome = 'DENIED')
    FROM fresh
    GROUP BY customer_id, decided_date
    ON CONFLICT (customer_id, decided_date) DO UPDATE
    SET claims = r.claims + excluded.claims, denied = r.denied + excluded.denied;

    INSERT INTO claim_payer_days AS r (customer_id, submitted_date, payer, paid, denied, other, allowed, allowed_amount)
    SELECT customer_id, submitted_date, payer,
        count(*) FILTER (WHERE outcome = 'PAID'), count(*) FILTER (WHERE outcome = 'DENIED'), count(*) FILTER (WHERE outcome = 'OTHER'),
        count(allowed_amount), coalesce(sum(allowed_amount), 0)
    FROM fresh
    GROUP BY customer_id, submitted_date, payer
    ON CONFLICT (customer_id, submitted_date, payer) DO UPDATE
    SET paid = r.paid + excluded.paid, denied = r.denied + excluded.denied, other = r.other + excluded.other,
        allowed = r.allowed + excluded.allowed, allowed_amount = r.allowed_amount + excluded.allowed_amount;

    INSERT INTO claim_months AS r (customer_id, month, payer, cpt_group, outcome, denial_reason_code,
        claims, billed_amount, allowed_amount, paid_amount)
    SELECT customer_id, date_trunc('month', decided_date::timestamp)::date, payer, cpt_group, outcome, coalesce(denial_reason_code, ''),
        count(*), coalesce(sum(billed_amount), 0), coalesce(sum(allowed_amount), 0), coalesce(sum(paid_amount), 0)
    FROM fresh
    GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (customer_id, month, payer, cpt_group, outcome, denial_reason_code) DO UPDATE
    SET claims = r.claims + excluded.claims, billed_amount = r.billed_amount + excluded.billed_amount,
        allowed_amount = r.allowed_amount + excluded.allowed_amount, paid_amount = r.paid_amount + excluded.paid_amount;
    RETURN NULL;
END
$$;

-- Counts all claims of a customer anew, for whoever may delete the counts: the
-- owner of the tables, within the customer.
CREATE FUNCTION claims_roll_up_anew(customer uuid) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('upstream.ingest:' || customer, 0));
    DELETE FROM claim_days WHERE customer_id = customer;
    DELETE FROM claim_payer_days WHERE customer_id = customer;
    DELETE FROM claim_months WHERE customer_id = customer;

    INSERT INTO claim_days (customer_id, decided_date, claims, denied)
    SELECT customer, decided_date, count(*), count(*) FILTER (WHERE outcome = 'DENIED')
    FROM claims
    WHERE customer_id = customer
    GROUP BY decided_date;

    INSERT INTO claim_payer_days (customer_id, submitted_date, payer, paid, denied, other, allowed, allowed_amount)
    SELECT customer, submitted_date, payer,
        count(*) FILTER (WHERE outcome = 'PAID'), count(*) FILTER (WHERE outcome = 'DENIED'), count(*) FILTER (WHERE outcome = 'OTHER'),
        count(allowed_amount), coalesce(sum(allowed_amount), 0)
    FROM claims
    WHERE customer_id = customer
    GROUP BY submitted_date, payer;

    INSERT INTO claim_months (customer_id, month, payer, cpt_group, outcome, denial_reason_code,
        claims, billed_amount, allowed_amount, paid_amount)
    SELECT customer, date_trunc('month', decided_date::timestamp)::date, payer, cpt_group, outcome, coalesce(denial_reason_code, ''),
        count(*), coalesce(sum(billed_amount), 0), coalesce(sum(allowed_amount), 0), coalesce(sum(paid_amount), 0)
    FROM claims
    WHERE customer_id = customer
    GROUP BY 2, 3, 4, 5, 6;
END
$$;
REVOKE EXECUTE ON FUNCTION claims_roll_up_anew(uuid) FROM PUBLIC;

-- The program never changes or deletes a claim. Whoever does by hand finds the
-- counts right all the same.
CREATE FUNCTION claims_roll_up_changed() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM claims_roll_up_anew(g.customer_id) FROM (SELECT DISTINCT customer_id FROM gone) g;
    RETURN NULL;
END
$$;

CREATE TRIGGER claims_roll_up
    AFTER INSERT ON claims
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION claims_roll_up();
CREATE TRIGGER claims_roll_up_updated
    AFTER UPDATE ON claims
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION claims_roll_up_changed();
CREATE TRIGGER claims_roll_up_deleted
    AFTER DELETE ON claims
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION claims_roll_up_changed();

-- Counts the claims there are. Row-level security binds the owner too, so it
-- goes from customer to customer.
DO $$
DECLARE
    customer uuid;
    was      text := coalesce(current_setting('app.customer_id', true), '');
BEGIN
    PERFORM set_config('app.system', 'on', true);
    FOR customer IN SELECT id FROM customers ORDER BY id LOOP
        PERFORM set_config('app.customer_id', customer::text, true);
        PERFORM claims_roll_up_anew(customer);
    END LOOP;
    PERFORM set_config('app.customer_id', was, true);
    PERFORM set_config('app.system', '', true);
END
$$;
