-- A tenant rests only where what is observed is what is wanted: one that was just asked to start is looked after.
UPDATE tenants SET resting = (
  json_extract(view, '$.requested') || ' ' || json_extract(view, '$.observed') IN ('stopped stopped', 'deleted absent')
);
