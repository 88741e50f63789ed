DROP TABLE claims;
DROP TABLE cpt_group_mappings;
DROP TABLE payer_mappings;
DROP TABLE upload_rejections;
DROP TABLE uploads;
